#include "agent/app/mitigation_state.hpp"

#include <catch2/catch.hpp>

namespace weft {
namespace {

MitigationState sample() {
  MitigationState state;
  state.denied[Cidr::parse("203.0.113.0/24").value()] = {1, 2, {1000, 77}, "a \"scan\"\n\xff"};
  state.denied[Cidr::parse("2001:db8::7/128").value()] = {3, 0, {0, 1}, ""};
  state.seen["attackers"] = {0xffffffffffffffffull, 5};
  state.quarantined[{"shop", "cart"}] = {6, {0, 8}, "why"};
  state.note({7, {0, 8}, "quarantine", "shop/cart", "why"});
  return state;
}

}  // namespace

TEST_CASE("what was denied and quarantined is read as it was written") {
  auto state = sample();
  state.denied.begin()->second.reason = "a \"scan\"\n";
  auto read = mitigations_from_text(mitigations_to_text(state));
  REQUIRE(read);
  CHECK(*read == state);
}

TEST_CASE("bytes that are no text do not make the file unreadable") {
  CHECK(mitigations_from_text(mitigations_to_text(sample())));
}

TEST_CASE("a file that is damaged, or of another version, is an error") {
  auto text = mitigations_to_text(sample());
  for (std::size_t size : {std::size_t{0}, std::size_t{1}, text.size() / 2, text.size() - 3})
    CHECK_FALSE(mitigations_from_text(text.substr(0, size)));
  CHECK_FALSE(mitigations_from_text(R"({"version":2,"denied":[],"seen":[],"quarantined":[],"audit":[]})"));
  CHECK_FALSE(mitigations_from_text(R"({"version":1,"denied":{"a":1},"seen":[],"quarantined":[],"audit":[]})"));
  CHECK_FALSE(mitigations_from_text(
      R"({"version":1,"denied":[{"cidr":"x","addedNs":1,"untilNs":1,"uid":0,"pid":0,"reason":""}],"seen":[],"quarantined":[],"audit":[]})"));
}

TEST_CASE("the oldest records are forgotten first") {
  MitigationState state;
  for (std::int64_t i = 0; i < 1500; ++i) state.note({i, {}, "deny", "x", ""});
  REQUIRE(state.audit.size() == MitigationState::kMostAudit);
  CHECK(state.audit.front().time_ns == 500);
  CHECK(state.audit.back().time_ns == 1499);
}

}  // namespace weft
