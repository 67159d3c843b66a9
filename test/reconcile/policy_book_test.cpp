#include "agent/reconcile/policy_book.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

namespace weft::test {
namespace {

weft_policy_key row_key(std::uint32_t subject, std::uint32_t peer) {
  return {subject, peer, 0, 0, WEFT_POLICY_KIND(WEFT_INGRESS, WEFT_SHAPE_ANY)};
}

DesiredPolicy::Subject subject(std::uint32_t id, std::vector<std::uint32_t> peers) {
  weft_subject row{};
  row.side[WEFT_INGRESS].flags = WEFT_SIDE_ISOLATED;
  row.side[WEFT_INGRESS].shapes[WEFT_PEER_CLASS_IDENTITY] = 1;
  return {id, row, std::make_shared<int>(0), [id, peers = std::move(peers)](std::vector<PolicyEntry>& rows) {
            for (auto peer : peers) rows.emplace_back(row_key(id, peer), weft_policy{{}, {}, 1, 0});
          }};
}

PeerEntry peer(std::uint8_t last, std::uint32_t subject) {
  weft_peer_key key{};
  key.address.word[3] = last;
  weft_peer row{};
  row.identity = 256u + last;
  row.subject = subject;
  return {key, row};
}

// The kinds of the steps, in order.
std::vector<std::size_t> kinds(const PolicyPlan& plan) {
  std::vector<std::size_t> out;
  for (const auto& step : plan.steps) out.push_back(step.index());
  return out;
}
template <class Step>
constexpr std::size_t kKind = PolicyStep(Step{}).index();

constexpr PolicySizes kRoom{100, 100, 100, 100};

}  // namespace

TEST_CASE("rows come before subjects, subjects before addresses, and removals last") {
  PolicyBook book(kRoom, {});
  std::vector<PeerEntry> before{peer(1, 1)}, after{peer(1, 2)};
  PolicyPlan first, second;
  REQUIRE(book.plan({{subject(1, {300, 301})}, before, {}}, first));
  CHECK(kinds(first) == std::vector<std::size_t>{kKind<PutPolicyRows>, kKind<PutSubject>, kKind<PutPeers>});
  REQUIRE(book.plan({{subject(2, {300})}, after, {}}, second));
  CHECK(kinds(second) == std::vector<std::size_t>{kKind<PutPolicyRows>, kKind<PutSubject>, kKind<PutPeers>,
                                                  kKind<RemoveSubject>, kKind<RemovePolicyRows>});
}

TEST_CASE("an address that changes name and subject is written twice, first with the old subject") {
  PolicyBook book(kRoom, {});
  std::vector<PeerEntry> before{peer(1, 1)}, after{peer(1, 2)};
  after[0].second.identity = 999;
  PolicyPlan first, second;
  REQUIRE(book.plan({{subject(1, {300})}, before, {}}, first));
  REQUIRE(book.plan({{subject(2, {300})}, after, {}}, second));
  std::vector<weft_peer> written;
  for (const auto& step : second.steps)
    if (const auto* put = std::get_if<PutPeers>(&step))
      for (const auto& [key, row] : put->rows) written.push_back(row);
  REQUIRE(written.size() == 2);
  CHECK((written[0].identity == 999 && written[0].subject == 1));
  CHECK((written[1].identity == 999 && written[1].subject == 2));
}

TEST_CASE("an unchanged policy costs no step") {
  PolicyBook book(kRoom, {});
  std::vector<PeerEntry> peers{peer(1, 1)};
  DesiredPolicy desired{{subject(1, {300})}, peers, {}};
  PolicyPlan first, second;
  REQUIRE(book.plan(desired, first));
  REQUIRE(book.plan(desired, second));
  CHECK(second.empty());
}

TEST_CASE("a subject whose rows find no room is isolated, and the key that gives room is named") {
  PolicyBook book({3, 100, 100, 100}, {});
  PolicyPlan plan;
  auto planned = book.plan({{subject(1, {300, 301}), subject(2, {300, 301})}, {}, {}}, plan);
  REQUIRE_FALSE(planned);
  CHECK(planned.error().code == ENOSPC);
  CHECK(planned.error().what.find("datapath.maps.policy") != std::string::npos);
  for (const auto& step : plan.steps)
    if (const auto* put = std::get_if<PutSubject>(&step); put != nullptr && put->id == 2) {
      CHECK((put->row.side[WEFT_INGRESS].flags & WEFT_SIDE_ISOLATED));
      CHECK((put->row.side[WEFT_EGRESS].flags & WEFT_SIDE_ISOLATED));
      CHECK(put->row.side[WEFT_INGRESS].shapes[WEFT_PEER_CLASS_IDENTITY] == 0);
    }
  CHECK(book.used().rows == 2);
}

TEST_CASE("when old and new rows do not fit side by side the old ones go first") {
  PolicyBook book({3, 100, 100, 100}, {});
  PolicyPlan first, second;
  REQUIRE(book.plan({{subject(1, {300, 301})}, {}, {}}, first));
  REQUIRE(book.plan({{subject(2, {300, 301})}, {}, {}}, second));
  CHECK(kinds(second).front() == kKind<RemovePolicyRows>);
}

TEST_CASE("programs are told to look before the first subject, and not to only after the last one") {
  PolicyBook book(kRoom, {});
  std::vector<PeerEntry> free{peer(1, 0)}, bound{peer(1, 1)};
  PolicyPlan none, first, more, last;
  REQUIRE(book.plan({{}, free, {}}, none));
  REQUIRE(kinds(none) == std::vector<std::size_t>{kKind<PutPeers>, kKind<PutPolicyState>});
  CHECK(std::get<PutPolicyState>(none.steps.back()).row.no_subjects == 1);
  REQUIRE(book.plan({{subject(1, {300})}, bound, {}}, first));
  REQUIRE(kinds(first).front() == kKind<PutPolicyState>);
  CHECK(std::get<PutPolicyState>(first.steps.front()).row.no_subjects == 0);
  REQUIRE(book.plan({{subject(1, {301})}, bound, {}}, more));
  for (auto kind : kinds(more)) CHECK(kind != kKind<PutPolicyState>);
  REQUIRE(book.plan({{}, free, {}}, last));
  REQUIRE(kinds(last).back() == kKind<PutPolicyState>);
  CHECK(std::get<PutPolicyState>(last.steps.back()).row.no_subjects == 1);
}

TEST_CASE("drift is repaired from the book") {
  PolicyBook book(kRoom, {});
  std::vector<PeerEntry> peers{peer(1, 1), peer(2, 0)};
  PolicyPlan plan;
  REQUIRE(book.plan({{subject(1, {300})}, peers, {}}, plan));
  PolicyDump dump;
  dump.subjects[1] = subject(1, {}).row;
  dump.peers = {peer(1, 0)};                                                        // changed, and one is missing
  dump.rows = {{row_key(1, 300), weft_policy{{}, {}, 1, 0}}, {row_key(9, 1), {}}};  // one too many
  auto repair = book.plan_repair(dump);
  CHECK(kinds(repair) ==
        std::vector<std::size_t>{kKind<PutPeers>, kKind<PutPeers>, kKind<RemoveSubject>, kKind<RemovePolicyRows>});
}

}  // namespace weft::test
