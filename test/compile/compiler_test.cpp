#include <catch2/catch.hpp>

#include "test/compile/mesh.hpp"

namespace weft::test {
namespace {

std::string node(const std::string& name, const std::string& address, const std::string& zone) {
  return fmt::format(R"(
apiVersion: v1
kind: Node
metadata: {{name: {}, labels: {{topology.kubernetes.io/zone: {}}}}}
status: {{addresses: [{{type: InternalIP, address: "{}"}}]}}
---)",
                     name, zone, address);
}

std::string service(const std::string& name, const std::string& ip_text, const std::string& more = "") {
  return fmt::format(R"(
apiVersion: v1
kind: Service
metadata: {{name: {}, namespace: shop}}
spec: {{clusterIP: "{}", selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]{}}}
---)",
                     name, ip_text, more);
}

std::string pod(const std::string& name, const std::string& address, const std::string& node_name = "node-a",
                const std::string& metadata = "") {
  return fmt::format(R"(
apiVersion: v1
kind: Pod
metadata: {{name: {}, namespace: shop, labels: {{app: web}}{}}}
spec: {{nodeName: {}, containers: [{{name: c}}]}}
status: {{phase: Running, podIP: "{}", podIPs: [{{ip: "{}"}}], conditions: [{{type: Ready, status: "True"}}]}}
---)",
                     name, metadata, node_name, address, address);
}

std::string text_of(const Mesh& mesh, const std::string& name) {
  return Renderer(mesh.compiled()).service({"shop", name}, mesh.service("shop", name));
}

std::string owners_of(const Mesh& mesh) {
  std::string out;
  for (const auto& row : *mesh.compiled().owners) out += Renderer(mesh.compiled()).owner(row) + "\n";
  return out;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

using Names1 = std::vector<NamespacedName>;

}  // namespace

TEST_CASE("only the changed service is compiled anew") {
  Mesh mesh(service("a", "10.96.0.1") + service("b", "10.96.0.2") + pod("p", "10.0.0.1"));
  auto b_before = *mesh.compiled().services.find({"shop", "b"});
  mesh.put(service("a", "10.96.0.3"));
  CHECK(mesh.result.changed_services == Names1{{"shop", "a"}});
  CHECK(*mesh.compiled().services.find({"shop", "b"}) == b_before);
  CHECK_FALSE(mesh.result.owners_changed);
}

TEST_CASE("a change that means nothing changes nothing") {
  Mesh mesh(service("a", "10.96.0.1") + pod("p", "10.0.0.1"));
  auto names = mesh.compiled().names;
  mesh.recompile_all();
  CHECK(mesh.result.changed_services.empty());
  CHECK_FALSE(mesh.result.owners_changed);
  CHECK(mesh.compiled().names == names);
}

TEST_CASE("a service that is gone is told and forgotten") {
  Mesh mesh(service("a", "10.96.0.1"));
  mesh.remove("Service shop/a");
  CHECK(mesh.result.changed_services == Names1{{"shop", "a"}});
  CHECK(mesh.compiled().services.size() == 0);
}

TEST_CASE("a snapshot that was handed out does not change any more") {
  Mesh mesh(service("a", "10.96.0.1"));
  auto old = mesh.result.compiled;
  mesh.put(service("b", "10.96.0.2") + pod("p", "10.0.0.1"));
  CHECK(old->services.size() == 1);
  CHECK(old->names->services.size() == 1);
  CHECK(mesh.compiled().names->services.size() == 2);
}

TEST_CASE("the winner of a contested address keeps it when the loser comes later or earlier") {
  Mesh first(service("a", "10.96.0.1") + service("b", "10.96.0.1"));
  Mesh later(service("b", "10.96.0.1"));
  later.put(service("a", "10.96.0.1"));
  for (const auto* mesh : {&first, &later}) {
    CHECK(mesh->service("shop", "a").frontends.size() == 1);
    CHECK(mesh->service("shop", "b").frontends.empty());
    CHECK(mesh->service("shop", "b").sets.empty());
    REQUIRE(mesh->service("shop", "b").diagnostics.size() == 1);
    const auto& diagnostic = mesh->service("shop", "b").diagnostics[0];
    CHECK(diagnostic.severity == Diagnostic::Severity::kError);
    CHECK(diagnostic.code == "WEFT1204");
    CHECK(contains(diagnostic.reason, "10.96.0.1:80/TCP"));
    CHECK(contains(diagnostic.reason, "Service shop/a"));
  }
  CHECK(later.result.changed_services.size() == 2);
}

TEST_CASE("the loser takes over when the winner goes or moves") {
  Mesh mesh(service("a", "10.96.0.1") + service("b", "10.96.0.1") + service("c", "10.96.0.1") + pod("p", "10.0.0.1"));
  mesh.put(service("a", "10.96.0.9"));
  CHECK(mesh.service("shop", "b").frontends.size() == 1);
  CHECK(mesh.service("shop", "b").diagnostics.empty());
  CHECK(contains(text_of(mesh, "c"), "Service shop/b"));
  mesh.remove("Service shop/b");
  CHECK(mesh.service("shop", "c").frontends.size() == 1);
  CHECK(mesh.service("shop", "c").diagnostics.empty());
  mesh.put(service("a", "10.96.0.1"));
  CHECK(contains(text_of(mesh, "c"), "Service shop/a"));
}

TEST_CASE("an endpoint that nobody's pod or node has is of the world") {
  Mesh mesh(R"(
apiVersion: v1
kind: Service
metadata: {name: a, namespace: shop}
spec: {clusterIP: 10.96.0.1, ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: a-1, namespace: shop, labels: {kubernetes.io/service-name: a}}
addressType: IPv4
ports: [{port: 80, protocol: TCP}]
endpoints: [{addresses: [192.0.2.1]}]
)");
  CHECK(mesh.service("shop", "a").sets[0].endpoints[0].workload == WEFT_IDENTITY_WORLD);
}

TEST_CASE("zone and region of this node may come from its configuration") {
  Mesh mesh;
  mesh.facts.zone = "z5";
  mesh.put(node("node-a", "192.168.0.1", "z1") + node("node-b", "192.168.0.2", "z5") +
           service("a", "10.96.0.1", ", trafficDistribution: PreferSameZone") + pod("here", "10.0.0.1") +
           pod("near", "10.0.0.2", "node-b"));
  CHECK(Renderer(mesh.compiled()).all().ends_with("node zone=z5\n"));
  CHECK(contains(text_of(mesh, "a"), "10.0.0.2:8080 zone=z5"));
}

TEST_CASE("facts that changed recompile what depends on them") {
  Mesh mesh(service("a", "10.96.0.1", ", type: NodePort") + pod("p", "10.0.0.1"));
  mesh.facts.addresses.push_back(ip("192.168.0.99"));
  mesh.put(R"(
apiVersion: v1
kind: Service
metadata: {name: np, namespace: shop}
spec: {type: NodePort, clusterIP: 10.96.0.2, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30001}]}
)");
  CHECK(contains(text_of(mesh, "np"), "192.168.0.99:30001/TCP"));
  CHECK(contains(owners_of(mesh), "192.168.0.99 zone=- workload=HOST"));
  CHECK_FALSE(contains(text_of(mesh, "np"), "127.0.0.1"));
  CHECK_FALSE(contains(text_of(mesh, "np"), "fe80"));
}

TEST_CASE("node ports exist in the families of the cluster addresses") {
  Mesh mesh(R"(
apiVersion: v1
kind: Service
metadata: {name: np, namespace: shop}
spec: {type: NodePort, clusterIP: 10.96.0.2, selector: {app: web}, ports: [{port: 80, targetPort: 8080, nodePort: 30001}]}
)");
  CHECK(contains(text_of(mesh, "np"), "192.168.0.1:30001/TCP"));
  CHECK_FALSE(contains(text_of(mesh, "np"), "[fd00::a]"));
}

TEST_CASE("a pod that takes over the address of a deleted one owns it at once") {
  Mesh mesh(pod("old", "10.0.0.1") + pod("other", "10.0.0.2"));
  mesh.put(pod("old", "10.0.0.1", "node-a", ", deletionTimestamp: \"2026-01-01T00:00:00Z\"") +
           pod("young", "10.0.0.1"));
  CHECK(mesh.result.owners_changed);
  CHECK(contains(owners_of(mesh), "10.0.0.1 zone=- workload=shop/young"));
  mesh.remove("Pod shop/young");
  CHECK(contains(owners_of(mesh), "10.0.0.1 zone=- workload=shop/old"));
}

TEST_CASE("a pod cannot take the address of a node") {
  Mesh mesh(node("node-b", "192.168.0.2", "z1") + pod("thief", "192.168.0.2"));
  CHECK(contains(owners_of(mesh), "192.168.0.2 zone=z1 workload=HOST"));
}

TEST_CASE("ids are kept when a name comes back and over a restart") {
  Mesh mesh(service("a", "10.96.0.1") + service("b", "10.96.0.2") + pod("p", "10.0.0.1") + pod("q", "10.0.0.2"));
  auto id = mesh.service("shop", "b").id;
  mesh.remove("Service shop/b");
  mesh.put(service("c", "10.96.0.3"));
  CHECK(mesh.service("shop", "c").id != id);
  mesh.put(service("b", "10.96.0.2"));
  CHECK(mesh.service("shop", "b").id == id);
  Mesh again(service("b", "10.96.0.2") + pod("q", "10.0.0.2"), *mesh.compiled().names);
  CHECK(again.service("shop", "b").id == id);
  CHECK(again.service("shop", "b").sets[0].endpoints[0].workload ==
        mesh.service("shop", "b").sets[0].endpoints[1].workload);
}

TEST_CASE("workload ids begin behind the reserved ones, service ids at 1") {
  Mesh mesh(service("a", "10.96.0.1") + pod("p", "10.0.0.1"));
  CHECK(mesh.compiled().names->workloads.begin()->first == WEFT_IDENTITY_FIRST);
  CHECK(mesh.service("shop", "a").id == 1);
}

}  // namespace weft::test
