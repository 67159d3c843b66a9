// Trials decide as the tables of the kernel would, for ends as they were; drafts allow what was seen and nothing else.
#include "agent/compile/policy_trial.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/compile/policy_draft.hpp"
#include "agent/compile/seen_world.hpp"
#include "agent/model/candidate.hpp"
#include "test/compile/policy_random.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

using nlohmann::json;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

SharedSeenEnd pod_end(const std::string& space, const std::string& owner, const Labels& labels, const std::string& ip) {
  auto pod = std::make_shared<Pod>();
  pod->metadata = {space, owner + "-1", "", labels, false};
  pod->owner = owner;
  pod->node = "node-a";
  pod->service_account = "default";
  return std::make_shared<const SeenEnd>(SeenEnd{pod, address(ip)});
}

SharedSeenEnd outside(const std::string& ip) { return std::make_shared<const SeenEnd>(SeenEnd{nullptr, address(ip)}); }

SeenConnections seen(SharedSeenEnd client, SharedSeenEnd server, std::uint16_t port, std::uint64_t allowed = 1,
                     std::uint64_t denied = 0) {
  return {std::move(client), std::move(server), port, 6, allowed, denied, 1};
}

struct Shop {
  SharedSeenEnd web = pod_end("shop", "web", {{"app", "web"}, {"pod-template-hash", "x"}}, "10.0.0.1");
  SharedSeenEnd cart = pod_end("shop", "cart", {{"app", "cart"}}, "10.0.0.2");
  SharedSeenEnd db = pod_end("data", "db", {{"app", "db"}}, "10.0.0.3");
  SharedSeenEnd world = outside("192.0.2.7");
  std::vector<SeenConnections> connections{seen(cart, web, 80, 400), seen(cart, web, 81, 12), seen(web, db, 5432, 7),
                                           seen(world, web, 80, 3)};
};

std::string policy(const std::string& name, const std::string& spec) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: " + spec + "\n";
}

Snapshot with(const Snapshot& base, const std::string& yaml, CandidateMode mode = CandidateMode::kPut) {
  auto decoded = decode_manifest("in.yaml", yaml);
  REQUIRE(decoded.diagnostics.empty());
  return *make_candidate(base, {decoded}, mode).snapshot;
}

const NodeFacts kFacts{"node-a", "", "", {IpAddress::v4(0x0a000064)}};

std::string only_from_cart() {
  return policy("web",
                "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: "
                "cart}}}], ports: [{port: 80}]}]}");
}

std::string drafted(const std::vector<PolicyDraft>& drafts) {
  std::string all;
  for (const auto& draft : drafts)
    if (!draft.manifest.empty()) all += "---\n" + draft.manifest;
  return all;
}

// Ends for all addresses of a random world.
std::vector<SharedSeenEnd> ends_of(const naive::World& world, const Snapshot& snapshot) {
  std::vector<SharedSeenEnd> ends;
  snapshot.pods.for_each([&](const auto&, const std::shared_ptr<const Pod>& pod) {
    if (pod->host_network || !pod->running) return;
    for (const auto& one : pod->addresses) ends.push_back(std::make_shared<const SeenEnd>(SeenEnd{pod, one}));
  });
  for (const auto& node : world.nodes)
    for (const auto& one : node.addresses) ends.push_back(outside(text_of(one)));
  for (const auto& one : world.outside) ends.push_back(outside(text_of(one)));
  return ends;
}

void put_world(PolicyWorld& product, const naive::World& world) {
  for (const auto& [name, labels] : world.spaces)
    product.take(decode_json(
        "r", json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}, {"labels", labels}}}}));
  for (const auto& pod : world.pods) product.take(decode_json("r", to_json(pod)));
  for (const auto& node : world.nodes) product.take(decode_json("r", to_json(node)));
  for (const auto& one : world.policies) product.take(decode_json("r", to_json(one)));
  product.compile();
}

// What is compared of a side.
using Sides = std::pair<bool, int>;

}  // namespace

TEST_CASE("a trial names what it would newly deny, by whom, and how many connections that is") {
  Shop shop;
  Snapshot now;
  auto trial = try_policies(now, with(now, only_from_cart()), kFacts, shop.connections);
  CHECK(trial.connections == 422);
  CHECK(trial.newly_denied_connections == 15);
  REQUIRE(trial.newly_denied.size() == 2);
  const auto& first = trial.newly_denied[0];
  CHECK(first.client == NamespacedName("shop", "cart"));
  CHECK(first.server == NamespacedName("shop", "web"));
  CHECK(first.port == 81);
  CHECK(first.connections == 12);
  REQUIRE(first.rule);
  CHECK(first.rule->text() == "NetworkPolicy shop/web ingress");
  CHECK(trial.newly_denied[1].client == NamespacedName("", "192.0.2.7"));
  CHECK(trial.newly_allowed.empty());
}

TEST_CASE("taking a policy away newly allows what it denies, in its name") {
  Shop shop;
  shop.connections.push_back(seen(shop.db, shop.web, 80, 0, 9));
  auto now = with(Snapshot(), only_from_cart());
  auto trial = try_policies(now, with(now, only_from_cart(), CandidateMode::kRemove), kFacts, shop.connections);
  CHECK(trial.newly_denied.empty());
  CHECK(trial.newly_allowed_connections == 9 + 15);
  REQUIRE(trial.newly_allowed.size() == 3);
  CHECK(trial.newly_allowed[1].rule->policy.name == "web");
  CHECK(make_candidate(Snapshot(), {decode_manifest("a.yaml", only_from_cart())}, CandidateMode::kRemove).absent == 1);
}

TEST_CASE("an end is judged as who it was, whoever has its address or another one of its labels now") {
  auto then = pod_end("shop", "cart", {{"app", "cart"}}, "10.0.0.2");
  auto later = pod_end("shop", "thief", {{"app", "thief"}}, "10.0.0.2");
  auto web = pod_end("shop", "web", {{"app", "web"}}, "10.0.0.1");
  std::vector<SeenConnections> both{seen(then, web, 80), seen(later, web, 80)};
  auto trial = try_policies(Snapshot(), with(Snapshot(), only_from_cart()), kFacts, both);
  REQUIRE(trial.newly_denied.size() == 1);
  CHECK(trial.newly_denied[0].client == NamespacedName("shop", "thief"));

  // An ipBlock sees the address that the second had, though the first stands for it in the tables.
  auto block =
      policy("web", "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.2/32}}]}]}");
  CHECK(try_policies(Snapshot(), with(Snapshot(), block), kFacts, both).newly_denied.empty());
}

TEST_CASE("replicas of one workload are not one pod, and a node is free to its own pods only") {
  auto one = pod_end("shop", "db", {{"app", "db"}}, "10.0.0.3");
  auto isolated = policy("db", "{podSelector: {}, ingress: []}");
  auto node = outside("10.0.0.100");
  auto far = pod_end("shop", "far", {{"app", "far"}}, "10.0.1.1");
  auto moved = std::make_shared<Pod>(*far->pod);
  moved->node = "node-b";
  auto remote = std::make_shared<const SeenEnd>(SeenEnd{moved, far->address});
  auto process = std::make_shared<const SeenEnd>(SeenEnd{one->pod, one->address, true});
  std::vector<SeenConnections> all{seen(one, one, 1), seen(node, one, 2), seen(node, remote, 3),
                                   seen(node, process, 4)};
  auto trial = try_policies(Snapshot(), with(Snapshot(), isolated), kFacts, all);
  std::set<std::uint16_t> denied;
  for (const auto& edge : trial.newly_denied) denied.insert(edge.port);
  CHECK(denied == std::set<std::uint16_t>{1, 3, 4});
}

TEST_CASE("a policy in audit mode is tried as if it were enforced, objects that are none are counted") {
  auto audited =
      "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: shop, "
      "annotations: {mesh.weft.dev/mode: audit}}\nspec: {podSelector: {}, ingress: []}\n---\napiVersion: "
      "v1\nkind: Node\nmetadata: {name: n}\n";
  auto candidate = make_candidate(Snapshot(), {decode_manifest("a.yaml", audited)}, CandidateMode::kPut);
  CHECK(candidate.objects == 1);
  CHECK(candidate.ignored == 1);
  Shop shop;
  CHECK(try_policies(Snapshot(), *candidate.snapshot, kFacts, shop.connections).newly_denied_connections == 415);
}

TEST_CASE("drafts are policies by labels that last, blocks for who is none, and ports") {
  Shop shop;
  auto drafts = draft_policies(shop.connections, kFacts, {"shop", "web"});
  REQUIRE(drafts.size() == 1);
  CHECK(drafts[0].connections == 422);
  CHECK(drafts[0].manifest == R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-seen, namespace: shop}
spec:
  podSelector: {matchLabels: {app: "web"}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - ipBlock: {cidr: "192.0.2.7/32"}
    ports:
    - {protocol: TCP, port: 80}
  - from:
    - podSelector: {matchLabels: {app: "cart"}}
    ports:
    - {protocol: TCP, port: 80}
    - {protocol: TCP, port: 81}
  egress:
  - to:
    - podSelector: {matchLabels: {app: "db"}}
      namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: "data"}}
    ports:
    - {protocol: TCP, port: 5432}
)");
}

TEST_CASE("drafts deny what was not seen, what was denied, and leave a workload without labels to people") {
  Shop shop;
  auto bare = pod_end("shop", "bare", {}, "10.0.0.9");
  shop.connections.push_back(seen(bare, shop.web, 82, 5));
  shop.connections.push_back(seen(shop.db, shop.web, 80, 0, 5));
  auto drafts = draft_policies(shop.connections, kFacts, {});
  CHECK(drafts.size() == 4);
  auto candidate = with(Snapshot(), drafted(drafts));
  CHECK(candidate.network_policies.size() == 3);
  std::vector<SeenConnections> others{seen(shop.db, shop.web, 80),     seen(shop.cart, shop.web, 443),
                                      seen(shop.web, shop.cart, 80),   seen(shop.cart, shop.db, 5432),
                                      seen(shop.web, shop.world, 443), seen(outside("192.0.2.8"), shop.web, 80)};
  CHECK(try_policies(Snapshot(), candidate, kFacts, others).newly_denied_connections == others.size());
}

TEST_CASE("many addresses become few blocks that hold all of them") {
  std::vector<IpAddress> addresses;
  for (std::uint32_t i = 0; i < 40; ++i) addresses.push_back(IpAddress::v4(0xc0000200 + i));
  addresses.push_back(IpAddress::v4(0x08080808));
  addresses.push_back(address("2001:db8::1"));
  CHECK(covering_blocks(addresses, 16) == std::vector<std::string>{"192.0.2.0/24", "8.8.8.0/24", "2001:db8::1/128"});
}

TEST_CASE("in random worlds trials decide as the tables do, and drafts deny none of what was seen") {
  auto seed = std::uint64_t{std::random_device{}()};
  if (const char* text = std::getenv("WEFT_SEED")) seed = std::strtoull(text, nullptr, 10);
  INFO("WEFT_SEED=" << seed);
  PolicyRandom random(seed);
  std::size_t decided = 0, allowed = 0;
  for (int round = 0; round < 60; ++round) {
    auto world = random.world();
    PolicyWorld product;
    put_world(product, world);
    auto ends = ends_of(world, product.snapshot());
    std::vector<SeenConnections> connections;
    for (int i = 0; i < 60; ++i) {
      const auto& client = ends[static_cast<std::size_t>(random.below(static_cast<int>(ends.size())))];
      const auto& server = ends[static_cast<std::size_t>(random.below(static_cast<int>(ends.size())))];
      if (client->address.is_v4() != server->address.is_v4() || client->address == server->address) continue;
      static constexpr std::uint16_t kPorts[] = {80, 81, 443, 1050, 8064, 30000};
      connections.push_back(
          {client, server, kPorts[random.below(6)], static_cast<std::uint8_t>(random.chance(70) ? 6 : 17), 1, 0, 1});
    }
    SeenWorld seen_world(product.snapshot(), product.facts, connections);
    PolicyLookup lookup(product.tables);
    for (auto& connection : connections) {
      auto truth =
          lookup.decide({connection.client->address, connection.server->address, connection.port, connection.protocol});
      auto got = seen_world.decide(connection);
      bool server_is_far = connection.server->pod && connection.server->pod->node != product.facts.name;
      bool client_is_far = connection.client->pod && connection.client->pod->node != product.facts.name;
      bool one_pod = connection.client->pod && connection.client->pod == connection.server->pod;
      bool comparable = !server_is_far && !client_is_far && !one_pod;
      if (comparable) CHECK(truth.allowed() == !(got && got->denied));
      decided += comparable;
      connection.allowed = got && got->denied ? 0 : 1;
      connection.denied = 1 - connection.allowed;
      allowed += connection.allowed;
    }
    auto drafts = draft_policies(connections, product.facts, {});
    auto bare = product.snapshot();
    bare.network_policies = {};
    bare.cluster_policies = {};
    auto trial = try_policies(bare, with(bare, drafted(drafts)), product.facts, connections);
    CHECK(trial.newly_denied_connections <= connections.size() - static_cast<std::size_t>(std::count_if(
                                                                     connections.begin(), connections.end(),
                                                                     [](const auto& one) { return one.allowed > 0; })));
    for (const auto& edge : trial.newly_denied) {
      bool was_allowed = std::any_of(connections.begin(), connections.end(), [&](const SeenConnections& one) {
        auto name = [](const SeenEnd& end) {
          return end.pod ? NamespacedName{end.pod->metadata.space, end.pod->owner}
                         : NamespacedName{"", end.address.text()};
        };
        return one.allowed > 0 && one.port == edge.port && one.protocol == edge.protocol &&
               name(*one.client) == edge.client && name(*one.server) == edge.server;
      });
      INFO(edge.sentence << " port " << edge.port);
      CHECK_FALSE(was_allowed);
    }
  }
  CHECK(decided > 500);
  CHECK(allowed > 500);
}

}  // namespace weft::test
