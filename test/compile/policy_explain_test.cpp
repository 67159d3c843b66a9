// Explanations name what decided, and what they suggest works.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "agent/compile/policy_explain.hpp"
#include "test/compile/policy_random.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

PolicyExplanation explain(const PolicyWorld& world, const PolicyQuery& query, weft_direction direction) {
  auto verdict = PolicyLookup(world.tables).decide(query);
  const auto& side = direction == WEFT_INGRESS ? verdict.ingress : verdict.egress;
  REQUIRE(side.has_value());
  PolicyEnds ends(world.snapshot(), world.facts);
  auto client = ends.find(query.client), server = ends.find(query.server, query.port);
  bool ingress = direction == WEFT_INGRESS;
  return explain_policy(world.snapshot(), *world.tables,
                        {ingress ? server : client, ingress ? client : server, side->subject, direction, query.port,
                         query.protocol, side->decision});
}

std::string pod(const std::string& space, const std::string& name, const std::string& ip) {
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: " + space +
         ", labels: {app: " + name +
         ", pod-template-hash: x}}\nspec: {nodeName: node-a}\nstatus: {phase: Running, podIP: " + ip + "}\n";
}

const std::string kPods =
    pod("shop", "web", "10.0.0.1") + pod("shop", "cart", "10.0.0.2") + pod("data", "db", "10.0.0.3");

std::string network_policy(const std::string& name, const std::string& spec) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: " + spec + "\n";
}

}  // namespace

TEST_CASE("a default denial names all policies that isolate, and suggests the rule that allows") {
  PolicyWorld world;
  world.put_yaml(kPods + network_policy("one", "{podSelector: {}}") +
                 network_policy("two", "{podSelector: {matchLabels: {app: web}}}"));
  world.compile();
  PolicyQuery query{address("10.0.0.3"), address("10.0.0.1"), 80, 6};
  auto said = explain(world, query, WEFT_INGRESS);
  CHECK(said.reason == "default_deny");
  CHECK(said.sentence ==
        "denied: ingress of shop/web is isolated by NetworkPolicy shop/one, NetworkPolicy shop/two, and no rule allows "
        "it");
  CHECK(said.suggestion == R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-db-to-web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: "web"}}
  policyTypes: [Ingress]
  ingress:
  - from:
    - podSelector: {matchLabels: {app: "db"}}
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "data"}}
    ports: [{protocol: TCP, port: 80}]
)");
  world.put_yaml(said.suggestion);
  world.compile();
  auto then = explain(world, query, WEFT_INGRESS);
  CHECK(then.sentence == "allowed: ingress of shop/web is decided by NetworkPolicy shop/allow-db-to-web ingress[0]");
  CHECK(then.suggestion.empty());
}

TEST_CASE("a denial of a tier names its rule, and suggests one that comes first where one can") {
  PolicyWorld world;
  world.put_yaml(kPods + R"(---
apiVersion: policy.networking.k8s.io/v1alpha2
kind: ClusterNetworkPolicy
metadata: {name: guard}
spec:
  tier: Admin
  priority: 1
  subject: {namespaces: {}}
  egress: [{name: none, action: Deny, to: [{networks: [10.0.0.0/8]}]}]
)");
  world.compile();
  PolicyQuery query{address("10.0.0.1"), address("10.9.9.9"), 443, 6};
  auto said = explain(world, query, WEFT_EGRESS);
  CHECK(said.sentence == "denied: egress of shop/web is decided by ClusterNetworkPolicy guard egress[0] none");
  CHECK(said.suggestion.find("priority: 0") != std::string::npos);
  CHECK(said.suggestion.find("networks: [\"10.9.9.9/32\"]") != std::string::npos);
  world.put_yaml(said.suggestion);
  world.compile();
  CHECK(explain(world, query, WEFT_EGRESS).sentence.starts_with("allowed: "));
}

TEST_CASE("what no policy decides is said as well") {
  PolicyWorld world;
  world.put_yaml(kPods + network_policy("one", "{podSelector: {}, policyTypes: [Egress]}"));
  world.compile();
  auto said = explain(world, {address("10.0.0.3"), address("10.0.0.1"), 80, 6}, WEFT_INGRESS);
  CHECK(said.sentence == "allowed: no policy says anything about it");
  CHECK(explain(world, {address("10.0.0.1"), address("10.0.0.1"), 80, 6}, WEFT_EGRESS).reason == "itself");
}

TEST_CASE("what is suggested for random denials allows them") {
  const char* given = std::getenv("WEFT_SEED");
  auto seed = given ? std::strtoull(given, nullptr, 10) : std::random_device{}();
  PolicyRandom random(seed);
  INFO("WEFT_SEED=" << seed);
  int tried = 0;
  for (int i = 0; i < 60; ++i) {
    PolicyWorld world;
    auto made = random.world();
    for (const auto& p : made.pods) world.take(decode_json("r", to_json(p)));
    for (const auto& p : made.policies)
      if (!p.audit) world.take(decode_json("r", to_json(p)));
    world.compile();
    for (const auto& client : made.pods)
      for (const auto& server : made.pods) {
        PolicyQuery query{address(text_of(client.addresses[0])), address(text_of(server.addresses[0])), 80, 6};
        auto verdict = PolicyLookup(world.tables).decide(query);
        if (!verdict.ingress || verdict.ingress->decision.verdict == WEFT_VERDICT_ALLOW || !random.chance(10)) continue;
        auto said = explain(world, query, WEFT_INGRESS);
        if (said.suggestion.empty()) continue;
        PolicyWorld after;
        for (const auto& p : made.pods) after.take(decode_json("r", to_json(p)));
        for (const auto& p : made.policies)
          if (!p.audit) after.take(decode_json("r", to_json(p)));
        after.diagnostics.clear();
        after.put_yaml(said.suggestion);
        INFO(said.sentence << "\n" << said.suggestion);
        REQUIRE(after.diagnostics.empty());
        after.compile();
        // Another rule of the same tier may come first still; then it is named.
        auto now = PolicyLookup(after.tables).decide(query).ingress->decision;
        if (now.verdict == WEFT_VERDICT_DENY) CHECK(now.rule != verdict.ingress->decision.rule);
        ++tried;
      }
  }
  CHECK(tried > 20);
}

}  // namespace weft::test
