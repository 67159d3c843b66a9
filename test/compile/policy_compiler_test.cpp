// Numbers of policy tables stay as long as what they stand for, and who owns which address.
#include <catch2/catch.hpp>

#include "agent/compile/policy_text.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

std::string pod(const std::string& name, const std::string& ip, const std::string& labels,
                const std::string& more = "") {
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: shop, labels: " + labels + more +
         "}\nspec: {nodeName: node-a}\nstatus: {phase: Running, podIP: " + ip + "}\n";
}

std::string policy(const std::string& name, const std::string& spec) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: " + spec + "\n";
}

weft_peer peer(const PolicyWorld& world, std::string_view text) {
  return PolicyLookup(world.tables).peer_of(address(text));
}

const std::string kPods = pod("web", "10.0.0.1", "{app: web}") + pod("cart", "10.0.0.2", "{app: cart}");
const std::string kFromCart =
    "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: cart}}}]}]}";

}  // namespace

TEST_CASE("what does not change keeps its number, its rows and its pointer") {
  PolicyWorld world;
  world.put_yaml(kPods + policy("web", kFromCart));
  auto first = world.compile();
  auto web = peer(world, "10.0.0.1");
  world.put_yaml(policy("other", "{podSelector: {matchLabels: {app: cart}}}"));
  auto second = world.compile();
  CHECK(peer(world, "10.0.0.1").subject == web.subject);
  CHECK(second->subjects.at(web.subject) == first->subjects.at(web.subject));
  CHECK(peer(world, "10.0.0.2").subject != 0);
}

TEST_CASE("another content is another number, and the old one is not given again") {
  PolicyWorld world;
  world.put_yaml(kPods + policy("web", kFromCart));
  world.compile();
  auto before = peer(world, "10.0.0.1").subject;
  world.put_yaml(policy("web", "{podSelector: {matchLabels: {app: web}}}"));
  world.compile();
  auto after = peer(world, "10.0.0.1").subject;
  CHECK(after != before);
  CHECK(world.tables->settling);
  CHECK(world.tables->subjects.contains(before));  // addresses in the kernel name it still
  world.settle();
  CHECK_FALSE(world.tables->subjects.contains(before));
  world.put_yaml(policy("web", kFromCart));
  world.compile();
  CHECK(peer(world, "10.0.0.1").subject != before);
}

TEST_CASE("rules keep their numbers while their policy changes, and when it comes back") {
  PolicyWorld world;
  world.put_yaml(kPods + policy("web", kFromCart));
  world.compile();
  auto number_of = [&](const std::string& text) {
    for (const auto& [number, name] : *world.tables->rules)
      if (name.text() == text) return number;
    return 0U;
  };
  auto rule = number_of("NetworkPolicy shop/web ingress[0]");
  REQUIRE(rule != 0);
  world.put_yaml(policy("web", "{podSelector: {}, ingress: [{}, {ports: [{port: 80}]}]}"));
  world.compile();
  CHECK(number_of("NetworkPolicy shop/web ingress[0]") == rule);
  world.remove({ObjectKind::kNetworkPolicy, "shop", "web"});
  world.compile();
  CHECK(world.tables->subjects.size() <= 2);
  CHECK(number_of("NetworkPolicy shop/web ingress[0]") == rule);  // late records name it still
  world.put_yaml(policy("web", kFromCart));
  world.compile();
  CHECK(number_of("NetworkPolicy shop/web ingress[0]") == rule);
}

TEST_CASE("an address that goes to another pod has another owner, an equal pod with another uid too") {
  PolicyWorld world;
  world.put_yaml(pod("web", "10.0.0.1", "{app: web}", ", uid: a"));
  world.compile();
  auto first = peer(world, "10.0.0.1");
  world.put_yaml(pod("web", "10.0.0.1", "{app: web}", ", uid: b"));
  world.compile();
  auto second = peer(world, "10.0.0.1");
  CHECK(second.identity == first.identity);
  CHECK(second.owner != first.owner);
  world.remove({ObjectKind::kPod, "shop", "web"});
  world.put_yaml(pod("cart", "10.0.0.1", "{app: cart}", ", uid: c"));
  world.compile();
  CHECK(peer(world, "10.0.0.1").identity != first.identity);
  world.remove({ObjectKind::kPod, "shop", "cart"});
  world.compile();
  CHECK(peer(world, "10.0.0.1").identity == 0);
}

TEST_CASE("numbers go on after those of an earlier life") {
  PolicyWorld world;
  world.put_yaml(kPods + policy("web", kFromCart));
  world.compile();
  PolicyNumbers numbers{1000, 2000, WEFT_NETWORK_FIRST + 3000, 4000, *world.tables->rules};
  PolicyCompiler compiler(numbers);
  auto tables = compiler.compile(world.snapshot(), world.facts);
  auto web = PolicyLookup(tables).peer_of(address("10.0.0.1"));
  CHECK((web.subject >= 1000 && web.identity >= 2000 && web.owner >= 4000));
  CHECK(*tables->rules == *world.tables->rules);
}

TEST_CASE("policies of pods elsewhere make no rows") {
  PolicyWorld world;
  world.facts.name = "node-b";
  world.put_yaml(kPods + policy("web", kFromCart));
  world.compile();
  CHECK(world.tables->subjects.empty());
  CHECK(world.tables->uses.empty());
  CHECK(world.tables->peers->size() == 2);
}

TEST_CASE("its own node reaches a pod whatever policy says, other nodes do not, and an own address is known twice") {
  PolicyWorld world;
  world.facts.addresses = {address("192.0.2.1"), address("192.0.2.9")};
  world.put_yaml(
      kPods + policy("web", "{podSelector: {}}") +
      "---\napiVersion: v1\nkind: Node\nmetadata: {name: other-name}\nstatus: {addresses: [{type: InternalIP, address: "
      "192.0.2.1}]}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: node-b}\nstatus: {addresses: [{type: "
      "InternalIP, "
      "address: 192.0.2.2}]}\n");
  world.compile();
  PolicyLookup lookup(world.tables);
  CHECK(lookup.decide({address("192.0.2.1"), address("10.0.0.1"), 80, 6}).ingress->decision.reason ==
        WEFT_REASON_OWN_NODE);
  CHECK(lookup.decide({address("192.0.2.9"), address("10.0.0.1"), 80, 6}).allowed());
  CHECK_FALSE(lookup.decide({address("192.0.2.2"), address("10.0.0.1"), 80, 6}).allowed());
}

}  // namespace weft::test
