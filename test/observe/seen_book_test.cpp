// What the book of seen connections adds up, keeps apart, forgets and refuses.
#include "agent/observe/seen_book.hpp"

#include <catch2/catch.hpp>

#include "agent/observe/flow_joiner.hpp"
#include "test/observe/fixture.hpp"

namespace weft::test {
namespace {

constexpr std::int64_t kNow_ns = 1'700'000'000'000'000'000;

std::shared_ptr<const Pod> pod(const std::string& name, Labels labels) {
  auto made = std::make_shared<Pod>();
  made->metadata = {"shop", name, "", std::move(labels), false};
  made->owner = name.substr(0, name.find('-'));
  made->node = "node-a";
  return made;
}

FlowEnd end_of(std::shared_ptr<const Pod> object, const char* ip, std::uint16_t port) {
  FlowEnd end;
  end.pod_object = std::move(object);
  end.address = {IpAddress::parse(ip).value(), port};
  return end;
}

Flow open_flow(const FlowEnd& source, const FlowEnd& destination, std::int64_t time_ns = kNow_ns) {
  Flow flow;
  flow.time_ns = time_ns;
  flow.protocol = IPPROTO_TCP;
  flow.source = source;
  flow.destination = destination;
  return flow;
}

const FlowEnd kWeb = end_of(pod("web-1", {{"app", "web"}}), "10.0.0.1", 80);
const FlowEnd kCart = end_of(pod("cart-1", {{"app", "cart"}}), "10.0.0.2", 40000);

}  // namespace

TEST_CASE("connections of pods that are the same to policies are one entry, by verdict") {
  SeenBook book;
  Snapshot nothing;
  auto replica = end_of(pod("cart-2", {{"app", "cart"}, {"pod-template-hash", "x"}}), "10.0.0.3", 40001);
  book.take(open_flow(kCart, kWeb), nothing);
  book.take(open_flow(replica, kWeb), nothing);
  auto denied = open_flow(kCart, kWeb);
  denied.kind = FlowKind::kDeny;
  denied.verdict = FlowVerdict::kDenied;
  book.take(denied, nothing);
  auto closed = open_flow(kCart, kWeb);
  closed.kind = FlowKind::kClose;
  book.take(closed, nothing);
  auto seen = book.since(kNow_ns - SeenBook::kReachNs);
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].allowed == 2);
  CHECK(seen[0].denied == 1);
  CHECK(seen[0].port == 80);
  CHECK(seen[0].client->pod->owner == "cart");
}

TEST_CASE("a pod with other labels is another end, and what is no pod's is an end by its address") {
  SeenBook book;
  Snapshot nothing;
  book.take(open_flow(kCart, kWeb), nothing);
  book.take(open_flow(end_of(pod("cart-1", {{"app", "cart"}, {"tier", "gold"}}), "10.0.0.2", 1), kWeb), nothing);
  book.take(open_flow(end_of(nullptr, "192.0.2.1", 1), kWeb), nothing);
  book.take(open_flow(end_of(nullptr, "192.0.2.2", 1), kWeb), nothing);
  book.take(open_flow(end_of(nullptr, "192.0.2.2", 2), kWeb), nothing);
  CHECK(book.since(kNow_ns).size() == 4);
}

TEST_CASE("a Workload object is an end in the form of a pod") {
  auto workload = std::make_shared<Workload>();
  workload->metadata = {"prod", "payments", "", {{"app", "payments"}}, false};
  Snapshot snapshot;
  snapshot.workloads.put({"prod", "payments"}, workload);
  FlowEnd end = end_of(nullptr, "192.0.2.9", 8080);
  end.workload = std::make_shared<const NamespacedName>("prod", "payments");
  SeenBook book;
  book.take(open_flow(kCart, end), snapshot);
  book.take(open_flow(kCart, end), snapshot);
  auto seen = book.since(kNow_ns);
  REQUIRE(seen.size() == 1);
  REQUIRE(seen[0].server->pod);
  CHECK(seen[0].server->process);
  CHECK(seen[0].server->pod->owner == "payments");
  CHECK(seen[0].server->pod->metadata.labels == Labels{{"app", "payments"}});
}

TEST_CASE("what is older than asked for, or than an hour, is not told") {
  SeenBook book;
  Snapshot nothing;
  book.take(open_flow(kCart, kWeb, kNow_ns - 2 * SeenBook::kReachNs), nothing);
  book.take(open_flow(kCart, kWeb, kNow_ns - 2 * SeenBook::kBucketNs), nothing);
  book.take(open_flow(kCart, kWeb, kNow_ns), nothing);
  REQUIRE(book.since(kNow_ns - SeenBook::kReachNs).size() == 1);
  CHECK(book.since(kNow_ns - SeenBook::kReachNs)[0].allowed == 2);
  CHECK(book.since(kNow_ns)[0].allowed == 1);
  CHECK(book.since(kNow_ns + SeenBook::kBucketNs).empty());
}

TEST_CASE("a full book counts what it has no room for, and takes the place of what is too old") {
  SeenBook book(4);
  Snapshot nothing;
  auto from = [&](int host) { return end_of(nullptr, ("192.0.2." + std::to_string(host)).c_str(), 1); };
  for (int host = 0; host < 10; ++host) book.take(open_flow(from(host), kWeb), nothing);
  CHECK(book.entries() == 4);
  CHECK(book.overflow() == 6);
  auto later = kNow_ns + SeenBook::kReachNs + 2 * SeenBook::kBucketNs;
  book.take(open_flow(from(77), kWeb, later), nothing);
  CHECK(book.entries() == 1);
  CHECK(book.overflow() == 6);
  CHECK(book.since(later).size() == 1);
}

TEST_CASE("what a pod sends to itself is not kept: no policy can deny it") {
  SeenBook book;
  auto own = kWeb;
  own.address.port = 4711;
  book.take(open_flow(own, kWeb), Snapshot());
  CHECK(book.entries() == 0);
}

}  // namespace weft::test
