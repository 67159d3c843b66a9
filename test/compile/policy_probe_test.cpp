// Probes say what the tables say, and differ as soon as the kernel says anything else.
#include "agent/compile/policy_probe.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/compile/policy_random.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

void put_world(PolicyWorld& product, const naive::World& world) {
  for (const auto& [name, labels] : world.spaces)
    product.take(decode_json(
        "r", nlohmann::json{
                 {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}, {"labels", labels}}}}));
  for (const auto& pod : world.pods) product.take(decode_json("r", to_json(pod)));
  for (const auto& node : world.nodes) product.take(decode_json("r", to_json(node)));
  for (const auto& one : world.policies) product.take(decode_json("r", to_json(one)));
  product.compile();
}

PolicyQuery query_of(const weft_explain_request& probe) {
  bool ingress = probe.direction == WEFT_INGRESS;
  return {from_abi(ingress ? probe.peer : probe.pod), from_abi(ingress ? probe.pod : probe.peer), ntohs(probe.port),
          probe.protocol};
}

// Whether the decision of the probe is that of the look-up in all rows.
bool agrees(const PolicyLookup& lookup, const weft_explain_request& probe) {
  auto verdict = lookup.decide(query_of(probe));
  const auto& side = probe.direction == WEFT_INGRESS ? verdict.ingress : verdict.egress;
  if (!side) return probe.subject == 0 && probe.decided_rule == 0 && probe.verdict == 0;
  return probe.subject == side->subject && probe.decided_rule == side->decision.rule &&
         probe.verdict == side->decision.verdict && probe.reason == side->decision.reason;
}

}  // namespace

TEST_CASE("in random worlds every probe has the answer of the tables, with all verdicts among them") {
  auto seed = std::uint64_t{std::random_device{}()};
  if (const char* text = std::getenv("WEFT_SEED")) seed = std::strtoull(text, nullptr, 10);
  INFO("WEFT_SEED=" << seed);
  PolicyRandom random(seed);
  std::size_t denied = 0, by_rule = 0, free = 0;
  for (int round = 0; round < 30; ++round) {
    PolicyWorld product;
    put_world(product, random.world());
    PolicyLookup lookup(product.tables);
    for (const auto& row : *product.tables->peers) {
      if (row.first.port != 0) continue;
      for (std::uint64_t turn = 0; turn < 20; ++turn) {
        auto probe = make_probe(*product.tables, from_abi(row.first.address), turn);
        if (!probe) continue;
        INFO(from_abi(probe->pod).text() << " and " << from_abi(probe->peer).text() << " port " << ntohs(probe->port)
                                         << " protocol " << int{probe->protocol} << " direction "
                                         << int{probe->direction});
        bool mixed = from_abi(probe->pod).is_v4() != from_abi(probe->peer).is_v4();
        if (!mixed) REQUIRE(agrees(lookup, *probe));
        denied += probe->verdict == WEFT_VERDICT_DENY;
        by_rule += probe->decided_rule != 0;
        free += probe->subject == 0;
      }
    }
  }
  CHECK(denied > 100);
  CHECK(by_rule > 100);
  CHECK(free > 100);
}

TEST_CASE("an address that the tables do not know has no probe") {
  PolicyWorld product;
  product.compile();
  CHECK_FALSE(make_probe(*product.tables, IpAddress::v4(0x0a000001), 0));
}

TEST_CASE("a difference says what the kernel has otherwise") {
  weft_explain_request wanted{};
  wanted.subject = 3;
  wanted.peer_identity = 300;
  wanted.verdict = WEFT_VERDICT_DENY;
  wanted.decided_rule = 7;
  CHECK(difference_of(wanted, wanted).empty());
  auto got = wanted;
  got.subject = 0;
  CHECK(difference_of(wanted, got) == "the kernel has it under policies 0, not 3");
  got = wanted;
  got.peer_identity = 301;
  CHECK(difference_of(wanted, got) == "the kernel takes :: for identity 301, not 300");
  got = wanted;
  got.verdict = WEFT_VERDICT_ALLOW;
  CHECK(difference_of(wanted, got) == "the kernel allows :: by rule 7, which rule 7 decides");
  auto question = without_answer(wanted);
  CHECK(question.subject == 0);
  CHECK(question.decided_rule == 0);
}

}  // namespace weft::test
