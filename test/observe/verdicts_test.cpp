#include <catch2/catch.hpp>

#include "agent/observe/verdicts.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

weft_verdict_key key(std::uint32_t rule, weft_verdict verdict, weft_verdict_reason reason,
                     weft_direction direction = WEFT_INGRESS, bool audit = false) {
  return {rule, static_cast<__u8>(direction), static_cast<__u8>(verdict), static_cast<__u8>(reason), audit};
}

const auto kDefault = key(11, WEFT_VERDICT_DENY, WEFT_REASON_DEFAULT_DENY);
const auto kAllow = key(12, WEFT_VERDICT_ALLOW, WEFT_REASON_NETWORK);
const auto kAdmin = key(13, WEFT_VERDICT_DENY, WEFT_REASON_ADMIN, WEFT_EGRESS);
const auto kNoPolicy = key(0, WEFT_VERDICT_ALLOW, WEFT_REASON_NO_POLICY);

std::map<std::string, std::uint64_t> values(const VerdictBook& book) {
  std::map<std::string, std::uint64_t> out;
  auto view = book.view();
  for (const auto& series : *view) out[series.labels] = series.value;
  return out;
}

}  // namespace

TEST_CASE("verdicts are told by direction, verdict, policy and rule") {
  VerdictBook book(100);
  std::vector<VerdictSample> samples{{kDefault, {3, 1}},
                                     {kAllow, {5, 1}},
                                     {kAdmin, {1, 1}},
                                     {kNoPolicy, {9, 1}},
                                     {key(0, WEFT_VERDICT_ALLOW, WEFT_REASON_ITSELF), {2, 1}},
                                     {key(11, WEFT_VERDICT_DENY, WEFT_REASON_DEFAULT_DENY, WEFT_INGRESS, true), {4, 1}},
                                     {key(77, WEFT_VERDICT_DENY, WEFT_REASON_BASELINE), {6, 1}}};
  book.update(samples, FakeNames());
  CHECK(values(book) == std::map<std::string, std::uint64_t>{
                            {R"({direction="ingress",verdict="denied",policy="shop/web",rule="default")", 3},
                            {R"({direction="ingress",verdict="allowed",policy="shop/web",rule="ingress[0]")", 5},
                            {R"({direction="egress",verdict="denied",policy="guard",rule="no-batch")", 1},
                            {R"({direction="ingress",verdict="allowed",policy="",rule="")", 11},
                            {R"({direction="ingress",verdict="audited",policy="shop/web",rule="default")", 4},
                            {R"({direction="ingress",verdict="denied",policy="unknown",rule="unknown")", 6}});
}

TEST_CASE("a rule that gets another number goes on where it was") {
  VerdictBook book(100);
  FakeNames names;
  book.update(std::vector<VerdictSample>{{kAllow, {5, 1}}}, names);
  names.rules[112] = names.rules[12];
  auto again = key(112, WEFT_VERDICT_ALLOW, WEFT_REASON_NETWORK);
  book.update(std::vector<VerdictSample>{{kAllow, {6, 1}}, {again, {2, 1}}}, names);
  book.forget(std::vector{kAllow});
  book.update(std::vector<VerdictSample>{{again, {3, 1}}}, names);
  CHECK(values(book).begin()->second == 9);
  CHECK(values(book).size() == 1);
}

TEST_CASE("a row that begins anew does not let its series fall") {
  VerdictBook book(100);
  book.update(std::vector<VerdictSample>{{kAllow, {5, 1}}}, FakeNames());
  book.update(std::vector<VerdictSample>{{kAllow, {2, 1}}}, FakeNames());
  CHECK(values(book).begin()->second == 7);
}

TEST_CASE("rows of rules that are gone are deleted after 15 idle minutes, others stay") {
  constexpr std::uint64_t kStart = 1'000'000'000'000;
  VerdictBook book(100);
  FakeNames names;
  names.gone[12] = true;
  book.update(std::vector<VerdictSample>{{kDefault, {3, kStart}}, {kAllow, {5, kStart}}, {kNoPolicy, {1, kStart}}},
              names);
  CHECK(book.expired(kStart + VerdictBook::kIdleNs - 1).empty());
  auto expired = book.expired(kStart + VerdictBook::kIdleNs);
  REQUIRE(expired.size() == 1);
  CHECK(expired[0].rule == 12);
  book.forget(expired);
  CHECK(values(book).size() == 2);
  CHECK(book.expired(kStart + 2 * VerdictBook::kIdleNs).empty());
}

TEST_CASE("a series whose rows left the kernel leaves") {
  VerdictBook book(100);
  book.update(std::vector<VerdictSample>{{kDefault, {3, 1}}, {kAllow, {5, 1}}}, FakeNames());
  book.update(std::vector<VerdictSample>{{kDefault, {3, 1}}}, FakeNames());
  CHECK(values(book).size() == 1);
}

TEST_CASE("series beyond the bound are added up in _other, by direction and verdict") {
  VerdictBook book(1);
  book.update(std::vector<VerdictSample>{{kDefault, {3, 1}}, {kAllow, {5, 1}}, {kNoPolicy, {1, 1}}, {kAdmin, {7, 1}}},
              FakeNames());
  auto found = values(book);
  CHECK(found[R"({direction="ingress",verdict="denied",policy="shop/web",rule="default")"] == 3);
  CHECK(found[R"({direction="ingress",verdict="allowed",policy="_other",rule="_other")"] == 6);
  CHECK(found[R"({direction="egress",verdict="denied",policy="_other",rule="_other")"] == 7);
  CHECK(found.size() == 3);
}

TEST_CASE("names of policies cannot break the page") {
  VerdictBook book(10);
  FakeNames names;
  names.rules[12] = {"NetworkPolicy", {"a\"b", "c\nd"}, "\\", "NetworkPolicy"};
  book.update(std::vector<VerdictSample>{{kAllow, {1, 1}}}, names);
  CHECK(book.view()->front().labels ==
        "{direction=\"ingress\",verdict=\"allowed\",policy=\"a\\\"b/c\\nd\",rule=\"\\\\\"");
}
