#include "agent/model/analyze.hpp"

#include <catch2/catch.hpp>

#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

std::vector<std::string> found(const std::string& text) {
  Manifests m;
  m.put("a.yaml", text);
  std::vector<std::string> out;
  for (const auto& d : analyze(m.now())) out.push_back(d.object.name + " " + d.code + " " + d.field);
  return out;
}

using Lines = std::vector<std::string>;
const std::string kWeb = "{clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80, targetPort: http}]}";
const std::string kPorts = "{containers: [{ports: [{name: http, containerPort: 8080}]}]}";

}  // namespace

TEST_CASE("a whole mesh has no findings") {
  CHECK(found(service("web", kWeb) + pod("p", "{app: web}", ready("10.0.0.1"), kPorts) +
              service("api", "{clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}") +
              slice("api-1", "api", "[{addresses: [10.0.0.2]}]") +
              service("own", "{clusterIP: 10.96.0.3, selector: {app: own}, ports: [{port: 80}]}") +
              workload("own", "{app: own}", "{}"))
            .empty());
}

TEST_CASE("services that nobody serves are found") {
  CHECK(found(service("web", kWeb)) == Lines{"web WEFT1202 spec.selector"});
  CHECK(found(service("web", "{clusterIP: 10.96.0.1, ports: [{port: 80}]}")) == Lines{"web WEFT1201 "});
  CHECK(found(service("web", kWeb) + pod("p", "{app: web}", "{phase: Running, podIP: 10.0.0.1, conditions: []}",
                                         kPorts)) == Lines{"web WEFT1201 spec.ports[0]"});
  CHECK(found(service("api", "{clusterIP: 10.96.0.2, ports: [{name: http, port: 80}]}") +
              slice("api-1", "api", "[]")) == Lines{"api WEFT1201 spec.ports[0]"});
  CHECK(found(service("web", "{clusterIP: None}")) == Lines{"web WEFT1201 "});
}

TEST_CASE("names of ports that nobody has are found") {
  CHECK(found(service("web", kWeb) + pod("p", "{app: web}", ready("10.0.0.1"))) ==
        Lines{"web WEFT1203 spec.ports[0].targetPort"});
  CHECK(found(service("api", "{clusterIP: 10.96.0.2, ports: [{name: grpc, port: 80}]}") +
              slice("api-1", "api", "[{addresses: [10.0.0.2]}]")) == Lines{"api WEFT1207 spec.ports[0]"});
  CHECK(found(service("web", kWeb) + pod("p", "{app: web}", ready("10.0.0.1"), kPorts) +
              workload("w", "{app: web}", "{ports: [{name: http, port: 9}]}")) ==
        Lines{"web WEFT1208 spec.ports[0].targetPort"});
}

TEST_CASE("addresses that two services claim are found") {
  auto own = [](const std::string& name, const std::string& spec) {
    return service(name, spec) + slice(name + "-1", name, "[{addresses: [10.0.0.2]}]", "[{port: 1}]");
  };
  CHECK(found(own("a", "{clusterIP: 10.96.0.1, ports: [{port: 80}]}") +
              own("b", "{externalIPs: [10.96.0.1], ports: [{port: 80}]}") +
              own("c", "{clusterIP: 10.96.0.1, ports: [{port: 81}]}") +
              own("d", "{clusterIP: 10.96.0.1, ports: [{port: 80, protocol: UDP}]}"))
            .front() == "b WEFT1204 spec.ports[0].port");
  CHECK(found(own("a", "{type: NodePort, clusterIP: 10.96.0.1, ports: [{port: 80, nodePort: 30000}]}") +
              own("b", "{type: NodePort, clusterIP: 10.96.0.2, ports: [{port: 80, nodePort: 30000}]}")) ==
        Lines{"b WEFT1205 spec.ports[0].nodePort"});
  CHECK(found(own("a", "{clusterIP: 192.0.2.1, ports: [{port: 80}]}") + node("n1", "192.0.2.1", "z")) ==
        Lines{"a WEFT1211 spec"});
  CHECK(found(own("a", "{ports: [{port: 80}]}")) == Lines{"a WEFT1210 spec.clusterIP"});
}

TEST_CASE("slices without service and workloads without address are found") {
  CHECK(found(slice("x", "nowhere", "[{addresses: [10.0.0.1]}]")) ==
        Lines{"x WEFT1206 metadata.labels['kubernetes.io/service-name']"});
  CHECK(found("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: y}\naddressType: IPv4\n") ==
        Lines{"y WEFT1206 metadata.labels['kubernetes.io/service-name']"});
  CHECK(found(workload("w", "{}", "{node: n7}")) == Lines{"w WEFT1209 spec.node"});
  CHECK(found(workload("w", "{}", "{node: n7}") + node("n7", "192.0.2.7", "z")).empty());
}

TEST_CASE("ExternalName services are found") {
  CHECK(found(service("db", "{type: ExternalName, externalName: db.example.com}")) == Lines{"db WEFT1114 spec.type"});
}
