#include "agent/model/endpoints.hpp"

#include <catch2/catch.hpp>

#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

std::vector<ServiceEndpoint> endpoints_of(const Manifests& m, const std::string& name, std::size_t port = 0,
                                          const std::vector<IpAddress>& local = {}) {
  const auto& service = get_service(m.now(), name);
  return service_endpoints(m.now(), service, service.ports.at(port), "n1", local);
}

std::vector<std::string> places(const std::vector<ServiceEndpoint>& endpoints) {
  std::vector<std::string> out;
  for (const auto& e : endpoints) out.push_back(SocketAddress{e.address, e.port}.text());
  return out;
}

const std::string kByName = "{selector: {app: web}, ports: [{port: 80, targetPort: http}]}";
const std::string kPorts = "{nodeName: n1, containers: [{ports: [{name: http, containerPort: 8080}]}]}";

}  // namespace

TEST_CASE("slices give endpoints with node, zone, hints and workload") {
  Manifests m;
  m.put("a.yaml",
        service("web", "{ports: [{name: http, port: 80}]}") + node("n2", "192.0.2.2", "z2") +
            "---\napiVersion: v1\nkind: Pod\nmetadata: {name: web-7d-x, namespace: shop, labels: {pod-template-hash: "
            "7d}, "
            "ownerReferences: [{kind: ReplicaSet, name: web-7d, controller: true}]}\n" +
            slice("web-1", "web",
                  "[{addresses: [10.0.0.2], nodeName: n2, hints: {forZones: [{name: z1}], forNodes: [{name: n9}]}, "
                  "targetRef: {kind: Pod, name: web-7d-x, namespace: shop}}, {addresses: [10.0.0.1], zone: z9}]"));
  auto e = endpoints_of(m, "web");
  CHECK(places(e) == std::vector<std::string>{"10.0.0.1:8080", "10.0.0.2:8080"});
  CHECK(e[0].zone == "z9");
  CHECK(e[0].workload == NamespacedName{});
  CHECK(e[1].zone == "z2");
  CHECK(e[1].region == "r1");
  CHECK(e[1].hint_zones == std::vector<std::string>{"z1"});
  CHECK(e[1].hint_nodes == std::vector<std::string>{"n9"});
  CHECK(e[1].workload == NamespacedName{"shop", "web"});
}

TEST_CASE("conditions of slices follow Kubernetes when absent") {
  Manifests m;
  m.put("a.yaml", service("web", "{ports: [{name: http, port: 80}]}") +
                      slice("s", "web",
                            "[{addresses: [10.0.0.1]}, {addresses: [10.0.0.2], conditions: {ready: false}}, "
                            "{addresses: [10.0.0.3], conditions: {ready: false, serving: true, terminating: true}}, "
                            "{addresses: [10.0.0.4], conditions: {terminating: true}}, "
                            "{addresses: [10.0.0.5], conditions: {ready: null, serving: null}}]"));
  auto e = endpoints_of(m, "web");
  auto state = [&](std::size_t i) { return std::tuple(e[i].ready, e[i].serving, e[i].terminating); };
  CHECK(state(0) == std::tuple(true, true, false));
  CHECK(state(1) == std::tuple(false, false, false));
  CHECK(state(2) == std::tuple(false, true, true));
  CHECK(state(3) == std::tuple(false, true, true));
  CHECK(state(4) == std::tuple(true, true, false));
}

TEST_CASE("ports of a slice are matched by name and protocol") {
  Manifests m;
  m.put("a.yaml",
        service("dns", "{ports: [{name: dns, port: 53, protocol: UDP}, {name: dns-tcp, port: 53}]}") +
            slice("s", "dns", "[{addresses: [10.0.0.1]}]",
                  "[{name: dns, port: 5353, protocol: UDP}, {name: dns-tcp, port: 5354}, {name: x, port: 1}]"));
  CHECK(places(endpoints_of(m, "dns", 0)) == std::vector<std::string>{"10.0.0.1:5353"});
  CHECK(places(endpoints_of(m, "dns", 1)) == std::vector<std::string>{"10.0.0.1:5354"});
}

TEST_CASE("an address that two slices name counts once, in its better state") {
  Manifests m;
  m.put("a.yaml", service("web", "{ports: [{name: http, port: 80}]}") +
                      slice("s1", "web", "[{addresses: [10.0.0.1], conditions: {ready: false}}]") +
                      slice("s2", "web", "[{addresses: [10.0.0.1]}]"));
  auto e = endpoints_of(m, "web");
  REQUIRE(e.size() == 1);
  CHECK(e[0].ready);
}

TEST_CASE("endpoints are derived from selected pods where no slice is given") {
  Manifests m;
  m.put("a.yaml",
        service("web", kByName) + pod("p1", "{app: web, x: y}", ready("10.0.0.1"), kPorts) +
            pod("p2", "{app: web}", ready("10.0.0.2"),
                "{nodeName: n2, containers: [{ports: [{name: http, containerPort: 9090}]}]}") +
            pod("p3", "{app: api}", ready("10.0.0.3"), kPorts) +
            pod("p4", "{app: web}", ready("10.0.0.4"), "{containers: [{ports: [{name: other, containerPort: 1}]}]}"));
  CHECK(places(endpoints_of(m, "web")) == std::vector<std::string>{"10.0.0.1:8080", "10.0.0.2:9090"});
  CHECK(endpoints_of(m, "web")[0].workload == NamespacedName{"shop", "p1"});
}

TEST_CASE("a targetPort name is looked up with the protocol of the port") {
  Manifests m;
  m.put("a.yaml", service("web", "{selector: {app: web}, ports: [{port: 80, protocol: UDP, targetPort: http}]}") +
                      pod("p1", "{app: web}", ready("10.0.0.1"), kPorts));
  CHECK(endpoints_of(m, "web").empty());
}

TEST_CASE("pods that are done have no address and pods that end or start are not ready") {
  Manifests m;
  auto with = [](const std::string& rest) {
    return "{podIP: 10.0.0.1, conditions: [{type: Ready, status: 'True'}], " + rest + "}";
  };
  auto state = [&](const std::string& text) {
    m.put("a.yaml", service("web", "{selector: {app: web}, ports: [{port: 80}]}") + text);
    auto e = endpoints_of(m, "web");
    return e.empty() ? std::string("none")
                     : std::string(e[0].ready ? "ready " : "") + (e[0].serving ? "serving " : "") +
                           (e[0].terminating ? "terminating" : "");
  };
  CHECK(state(pod("p", "{app: web}", with("phase: Running"))) == "ready serving ");
  CHECK(state(pod("p", "{app: web}", with("phase: Succeeded"))) == "none");
  CHECK(state(pod("p", "{app: web}", with("phase: Failed"))) == "none");
  CHECK(state(pod("p", "{app: web}", "{phase: Running}")) == "none");
  CHECK(state(pod("p", "{app: web}",
                  "{phase: Running, podIP: 10.0.0.1, conditions: [{type: Ready, status: 'False'}]}")) == "");
  CHECK(state(pod("p", "{app: web}",
                  "{phase: Running, podIP: 10.0.0.1, conditions: [{type: Initialized, status: 'True'}]}")) == "");
  CHECK(state(pod("p", "{app: web}", "{phase: Running, podIP: 10.0.0.1}")) == "ready serving ");
  CHECK(
      state(
          "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: shop, labels: {app: web}, deletionTimestamp: "
          "'2026-01-01T00:00:00Z'}\nstatus: " +
          with("phase: Running")) == "serving terminating");
}

TEST_CASE("publishNotReadyAddresses makes every address ready") {
  Manifests m;
  m.put("a.yaml", service("web", "{publishNotReadyAddresses: true, selector: {app: web}, ports: [{port: 80}]}") +
                      pod("p", "{app: web}", "{phase: Running, podIP: 10.0.0.1, conditions: []}"));
  CHECK(endpoints_of(m, "web").at(0).ready);
  CHECK_FALSE(endpoints_of(m, "web").at(0).serving);
}

TEST_CASE("workloads serve at their own addresses, else at their node's") {
  Manifests m;
  m.put("a.yaml", service("pay", "{selector: {app: pay}, ports: [{port: 80, targetPort: http}]}") +
                      node("n1", "192.0.2.1", "z1") +
                      workload("own", "{app: pay}", "{addresses: [192.0.2.9], ports: [{name: http, port: 8080}]}") +
                      workload("here", "{app: pay}", "{ports: [{name: http, port: 8081}]}") +
                      workload("there", "{app: pay}", "{node: n2, ports: [{name: http, port: 8082}]}"));
  CHECK(places(endpoints_of(m, "pay")) == std::vector<std::string>{"192.0.2.1:8081", "192.0.2.9:8080"});
  CHECK(endpoints_of(m, "pay")[0].node == "n1");
  CHECK(endpoints_of(m, "pay")[0].zone == "z1");
  CHECK(endpoints_of(m, "pay")[0].workload == NamespacedName{"shop", "here"});
  m.put("n.yaml", node("n2", "192.0.2.2", "z2"));
  CHECK(endpoints_of(m, "pay").size() == 3);
}

TEST_CASE("a workload of this node uses the agent's own addresses until a Node object gives them") {
  Manifests m;
  m.put("a.yaml", service("pay", "{selector: {app: pay}, ports: [{port: 80, targetPort: 8080}]}") +
                      workload("here", "{app: pay}", "{}"));
  CHECK(endpoints_of(m, "pay").empty());
  CHECK(places(endpoints_of(m, "pay", 0, {IpAddress::v4(0xC0000207)})) == std::vector<std::string>{"192.0.2.7:8080"});
}

TEST_CASE("host network and dual stack pods serve at each of their addresses") {
  Manifests m;
  m.put("a.yaml",
        service("web", "{selector: {app: web}, ports: [{port: 80}]}") +
            pod("p", "{app: web}", "{phase: Running, podIP: 192.0.2.1, podIPs: [{ip: 192.0.2.1}, {ip: 'fd00::1'}]}",
                "{hostNetwork: true, nodeName: n1}"));
  CHECK(places(endpoints_of(m, "web")) == std::vector<std::string>{"192.0.2.1:80", "[fd00::1]:80"});
}

TEST_CASE("an empty selector selects nothing") {
  Manifests m;
  m.put("a.yaml", service("web", "{selector: {}, ports: [{port: 80}]}") + pod("p", "{app: web}", ready("10.0.0.1")));
  CHECK(endpoints_of(m, "web").empty());
  CHECK_FALSE(get_service(m.now(), "web").selector.has_value());
}
