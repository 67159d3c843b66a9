// A workload in quarantine reaches, and is reached by, its own node alone.
#include <netinet/in.h>

#include <catch2/catch.hpp>

#include "agent/compile/policy_explain.hpp"
#include "agent/compile/policy_lookup.hpp"
#include "agent/compile/rule_names.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

constexpr const char* kManifests = R"(
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cart-1, namespace: shop, labels: {app: web}, ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: cart, uid: u, controller: true}]}
spec: {nodeName: node-a, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: twin, namespace: shop, labels: {app: web}}
spec: {nodeName: node-a, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.2, podIPs: [{ip: 10.1.0.2}]}
---
apiVersion: v1
kind: Pod
metadata: {name: cart, namespace: other, labels: {app: web}}
spec: {nodeName: node-a, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.3, podIPs: [{ip: 10.1.0.3}]}
---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: open}
spec:
  tier: Admin
  priority: 0
  subject: {namespaces: {}}
  ingress: [{action: Accept, from: [{namespaces: {}}]}]
  egress: [{action: Accept, to: [{namespaces: {}}]}]
)";

class Ward {
 public:
  Ward() {
    world.facts.addresses = {IpAddress::parse("192.0.2.1").value()};
    world.put_yaml(kManifests);
    REQUIRE(world.diagnostics.empty());
    world.compile();
  }
  PolicyVerdict ask(const char* client, const char* server) {
    return PolicyLookup(world.tables)
        .decide({IpAddress::parse(client).value(), IpAddress::parse(server).value(), 80, IPPROTO_TCP});
  }
  void quarantine(const char* space, const char* workload) {
    world.quarantines[{space, workload}] = {1, 0, ""};
    world.compile();
  }
  PolicyWorld world;
};

}  // namespace

TEST_CASE("quarantine cuts both ways and comes before every Admin rule") {
  Ward ward;
  CHECK(ward.ask("10.1.0.2", "10.1.0.1").allowed());
  ward.quarantine("shop", "cart");
  for (auto [client, server] : {std::pair("10.1.0.2", "10.1.0.1"), std::pair("10.1.0.1", "10.1.0.2"),
                                std::pair("10.1.0.1", "198.51.100.1"), std::pair("198.51.100.1", "10.1.0.1")}) {
    INFO(client << " to " << server);
    CHECK_FALSE(ward.ask(client, server).allowed());
  }
}

TEST_CASE("the own node still reaches a workload in quarantine, which does not reach the node") {
  Ward ward;
  ward.quarantine("shop", "cart");
  CHECK(ward.ask("192.0.2.1", "10.1.0.1").allowed());
  CHECK_FALSE(ward.ask("10.1.0.1", "192.0.2.1").allowed());
}

TEST_CASE("workloads with equal labels, and of equal name elsewhere, are not in quarantine") {
  Ward ward;
  ward.quarantine("shop", "cart");
  CHECK(ward.ask("10.1.0.2", "10.1.0.3").allowed());
  CHECK(ward.ask("10.1.0.3", "10.1.0.2").allowed());
}

TEST_CASE("release gives back what policies say") {
  Ward ward;
  ward.quarantine("shop", "cart");
  ward.world.quarantines.clear();
  ward.world.compile();
  CHECK(ward.ask("10.1.0.2", "10.1.0.1").allowed());
  CHECK(ward.ask("10.1.0.1", "10.1.0.2").allowed());
}

TEST_CASE("the rule of a quarantine is told by its name and suggests nothing") {
  Ward ward;
  ward.quarantine("shop", "cart");
  auto side = ward.ask("10.1.0.2", "10.1.0.1").ingress.value();
  const auto& name = ward.world.tables->rules->at(side.decision.rule);
  CHECK(name.policy == ObjectKey{ObjectKind::kQuarantine, "shop", "cart"});
  CHECK(name.name == "quarantine");
  PolicyEnds ends(ward.world.snapshot(), ward.world.facts);
  auto said =
      explain_policy(ward.world.snapshot(), *ward.world.tables,
                     {ends.find(IpAddress::parse("10.1.0.1").value()), ends.find(IpAddress::parse("10.1.0.2").value()),
                      side.subject, WEFT_INGRESS, 80, IPPROTO_TCP, side.decision});
  CHECK(said.suggestion.empty());
  CHECK(said.reason == "admin");
  auto kept = rule_names_from_text(rule_names_to_text(*ward.world.tables->rules));
  REQUIRE(kept);
  CHECK(*kept == *ward.world.tables->rules);
}

TEST_CASE("what is quarantined before it exists is cut off when it does") {
  Ward ward;
  ward.quarantine("shop", "late");
  ward.world.put_yaml(R"(
apiVersion: v1
kind: Pod
metadata: {name: late, namespace: shop, labels: {app: web}}
spec: {nodeName: node-a, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.9, podIPs: [{ip: 10.1.0.9}]}
)");
  ward.world.compile();
  CHECK_FALSE(ward.ask("10.1.0.2", "10.1.0.9").allowed());
}

}  // namespace weft::test
