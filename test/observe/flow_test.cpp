#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/observe/flow_joiner.hpp"
#include "agent/observe/json_writer.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

constexpr std::int64_t kOffsetNs = 1'700'000'000'000'000'000;

std::shared_ptr<const Pod> pod(const char* name, const char* ip, bool running = true) {
  auto made = std::make_shared<Pod>();
  made->metadata = {"shop", name, "", {}, false};
  made->addresses = {IpAddress::parse(ip).value()};
  made->running = running;
  return made;
}

std::shared_ptr<Snapshot> snapshot_with(std::vector<std::shared_ptr<const Pod>> pods) {
  auto snapshot = std::make_shared<Snapshot>();
  for (auto& item : pods) snapshot->pods.put({"shop", item->metadata.name}, item);
  auto node = std::make_shared<Node>();
  node->metadata.name = "a";
  node->zone = "z1";
  node->region = "r1";
  snapshot->nodes.put({"", "a"}, std::shared_ptr<const Node>(node));
  return snapshot;
}

FlowJoiner make_joiner(std::shared_ptr<Snapshot> snapshot = snapshot_with({pod("cart-1", "10.1.0.5"),
                                                                           pod("web-1", "10.1.0.2")})) {
  FlowJoiner joiner(kOffsetNs, [](std::uint64_t id) { return id == 77 ? "/system.slice/shop.service" : ""; });
  joiner.update(snapshot, std::make_shared<FakeNames>());
  return joiner;
}

weft_flow_event failed_event(weft_fail_reason reason) {
  auto event = closed_event();
  event.kind = WEFT_FLOW_FAIL;
  event.reason = static_cast<std::uint8_t>(reason);
  return event;
}

}  // namespace

TEST_CASE("a record of the ring is decoded only when every byte that decides is in range") {
  auto good = closed_event();
  CHECK(decode_event(bytes_of(good)));
  CHECK_FALSE(decode_event(bytes_of(good).first(sizeof good - 1)));
  CHECK_FALSE(decode_event({}));

  auto refused = [&](auto change) {
    auto event = closed_event();
    change(event);
    return !decode_event(bytes_of(event));
  };
  CHECK(refused([](auto& e) { e.kind = 5; }));
  CHECK(refused([](auto& e) { e.reporter = 2; }));
  CHECK(refused([](auto& e) { e.protocol = 1; }));
  CHECK(refused([](auto& e) { e.reason = WEFT_CLOSE_REASON_COUNT; }));
  CHECK(refused([](auto& e) { e.kind = WEFT_FLOW_FAIL, e.reason = WEFT_FAIL_REASON_COUNT; }));
  CHECK(refused([](auto& e) { e.destination = {}; }));
  CHECK(refused([](auto& e) { e.destination_port = 0; }));
  CHECK(refused([](auto& e) { e.kind = WEFT_FLOW_FAIL, e.destination = {}, e.service_address = {}; }));
  CHECK_FALSE(refused([](auto& e) { e.reserved = 0xff; }));
  CHECK_FALSE(refused([](auto& e) { e.kind = WEFT_FLOW_FAIL, e.destination = {}, e.reason = WEFT_FAIL_NO_ENDPOINTS; }));
}

TEST_CASE("a record of policy is decoded only when it is a denial that its own end tells") {
  auto refused = [&](auto change) {
    auto event = denied_event();
    change(event);
    return !decode_event(bytes_of(event));
  };
  CHECK_FALSE(refused([](auto&) {}));
  CHECK_FALSE(refused([](auto& e) { e.kind = WEFT_FLOW_AUDIT; }));
  CHECK_FALSE(refused([](auto& e) { e.direction = WEFT_EGRESS, e.reporter = WEFT_REPORTER_SOURCE; }));
  CHECK_FALSE(refused([](auto& e) { e.protocol = IPPROTO_ICMPV6, e.destination_port = 0; }));
  CHECK_FALSE(refused([](auto& e) { e.protocol = 47, e.rule = 0; }));
  for (int reason = 0; reason < 256; ++reason) {
    bool denies = reason == WEFT_REASON_ADMIN || reason == WEFT_REASON_DEFAULT_DENY || reason == WEFT_REASON_BASELINE ||
                  reason == WEFT_REASON_INCONSISTENT;
    CHECK(refused([&](auto& e) { e.reason = static_cast<__u8>(reason); }) == !denies);
  }
  CHECK(refused([](auto& e) { e.direction = WEFT_DIRECTION_COUNT; }));
  CHECK(refused([](auto& e) { e.direction = WEFT_EGRESS; }));
  CHECK(refused([](auto& e) { e.reporter = WEFT_REPORTER_SOURCE; }));
  CHECK(refused([](auto& e) { e.destination = {}; }));
  CHECK(refused([](auto& e) { e.direction = WEFT_EGRESS, e.reporter = WEFT_REPORTER_SOURCE, e.source = {}; }));
}

TEST_CASE("a denial names the policy and the rule that its number stands for") {
  auto json = nlohmann::json::parse(flow_json(make_joiner().join(denied_event())));
  CHECK(json == nlohmann::json::parse(R"({
    "time":"2023-11-14T22:13:25.000000Z","kind":"deny",
    "source":{"namespace":"shop","workload":"cart","pod":"cart-1","address":"10.1.0.5","port":40000},
    "destination":{"namespace":"shop","workload":"web","pod":"web-1","address":"10.1.0.2","port":8080},
    "protocol":"TCP","verdict":"denied","direction":"ingress","reason":"default_deny","reporter":"destination",
    "policy":{"kind":"NetworkPolicy","namespace":"shop","name":"web","rule":"default","tier":"NetworkPolicy"}})"));
}

TEST_CASE("what audited policies would deny is told as audited, by cluster-wide policies without a namespace") {
  auto event = denied_event();
  event.kind = WEFT_FLOW_AUDIT;
  event.direction = WEFT_EGRESS;
  event.reporter = WEFT_REPORTER_SOURCE;
  event.reason = WEFT_REASON_ADMIN;
  event.rule = 13;
  event.protocol = IPPROTO_ICMP;
  auto json = nlohmann::json::parse(flow_json(make_joiner().join(event)));
  CHECK(json["kind"] == "audit");
  CHECK(json["verdict"] == "audited");
  CHECK(json["direction"] == "egress");
  CHECK(json["reason"] == "admin");
  CHECK(json["protocol"] == "ICMP");
  CHECK(json["policy"] ==
        nlohmann::json::parse(R"({"kind":"ClusterNetworkPolicy","name":"guard","rule":"no-batch","tier":"Admin"})"));
}

TEST_CASE("a flow keeps the rule that was known when its record was read") {
  auto joiner = make_joiner();
  auto event = denied_event();
  event.rule = 99;
  CHECK(joiner.join(event).policy == nullptr);
  auto names = std::make_shared<FakeNames>();
  names->rules[99] = {"NetworkPolicy", {"shop", "late"}, "egress[1]", "NetworkPolicy"};
  joiner.update(snapshot_with({}), names);
  auto flow = joiner.join(event);
  REQUIRE(flow.policy != nullptr);
  CHECK(flow.policy->rule == "egress[1]");
  joiner.update(snapshot_with({}), std::make_shared<FakeNames>());
  CHECK(joiner.join(event).policy->policy.second == "late");
  auto closed = closed_event();
  closed.rule = 11;
  CHECK(joiner.join(closed).policy == nullptr);
}

TEST_CASE("a flow names both ends, the service, the zones and the process") {
  auto json = nlohmann::json::parse(flow_json(make_joiner().join(closed_event())));
  CHECK(json == nlohmann::json::parse(R"({
    "time":"2023-11-14T22:13:25.000000Z","kind":"close",
    "source":{"namespace":"shop","workload":"cart","pod":"cart-1","address":"10.1.0.5","port":40000,"zone":"z1","region":"r1"},
    "destination":{"namespace":"shop","workload":"web","pod":"web-1","address":"10.1.0.2","port":8080,"zone":"z2",
                   "service":"shop/web","serviceAddress":"10.96.0.10:80"},
    "protocol":"TCP","verdict":"allowed","reason":"fin","reporter":"source",
    "sentBytes":100,"receivedBytes":2000,"sentPackets":5,"receivedPackets":7,"rttUs":250,"retransmits":1,"durationMs":1.5,
    "process":{"pid":4711,"command":"curl","cgroup":"/system.slice/shop.service","unit":"shop.service"}})"));
}

TEST_CASE("an address keeps the pod that it had at the time of the flow") {
  auto joiner = make_joiner();
  auto before = joiner.join(closed_event());
  joiner.update(snapshot_with({pod("cart-1", "10.1.0.5"), pod("db-9", "10.1.0.2")}), std::make_shared<FakeNames>());
  auto after = joiner.join(closed_event());
  CHECK(*before.destination.pod == "web-1");
  CHECK(*after.destination.pod == "db-9");
}

TEST_CASE("a pod that ended or left gives its address back") {
  auto joiner = make_joiner();
  joiner.update(snapshot_with({pod("cart-1", "10.1.0.5", false)}), std::make_shared<FakeNames>());
  auto flow = joiner.join(closed_event());
  CHECK(flow.source.pod == nullptr);
  CHECK(flow.destination.pod == nullptr);
}

TEST_CASE("a name stays known after its object is gone") {
  auto joiner = make_joiner();
  joiner.join(closed_event());
  auto names = std::make_shared<FakeNames>();
  names->workloads.clear();
  joiner.update(snapshot_with({}), names);
  CHECK(joiner.join(closed_event()).destination.workload->second == "web");
}

TEST_CASE("a connection without an endpoint is a deny with the verdict no-endpoint and no workload") {
  auto event = failed_event(WEFT_FAIL_NO_ENDPOINTS);
  event.destination = {};
  event.destination_workload = 0;
  event.destination_port = 0;
  auto json = nlohmann::json::parse(flow_json(make_joiner().join(event)));
  CHECK(json["kind"] == "deny");
  CHECK(json["verdict"] == "no-endpoint");
  CHECK(json["reason"] == "no_endpoints");
  CHECK(json["destination"] ==
        nlohmann::json({{"zone", "z2"}, {"service", "shop/web"}, {"serviceAddress", "10.96.0.10:80"}}));
}

TEST_CASE("a denied connection is a deny; a refused one is a close with its reason") {
  auto denied = make_joiner().join(failed_event(WEFT_FAIL_DENIED));
  CHECK(denied.kind == FlowKind::kDeny);
  CHECK(denied.verdict == FlowVerdict::kDenied);
  auto refused = make_joiner().join(failed_event(WEFT_FAIL_REFUSED));
  CHECK(refused.kind == FlowKind::kClose);
  CHECK(refused.verdict == FlowVerdict::kAllowed);
  CHECK(refused.reason == "refused");
}

TEST_CASE("identities without an object have words of their own") {
  auto event = closed_event();
  auto name_of = [&](std::uint32_t id) {
    event.source_workload = id;
    return name_text(*make_joiner().join(event).source.workload);
  };
  CHECK(name_of(WEFT_IDENTITY_UNKNOWN) == "unknown");
  CHECK(name_of(WEFT_IDENTITY_WORLD) == "world");
  CHECK(name_of(WEFT_IDENTITY_HOST) == "host");
  CHECK(name_of(999) == "unknown");
}

TEST_CASE("what a flow does not have is absent") {
  weft_flow_event event{};
  event.kind = WEFT_FLOW_OPEN;
  event.protocol = IPPROTO_UDP;
  event.reporter = WEFT_REPORTER_DESTINATION;
  event.source_workload = WEFT_IDENTITY_WORLD;
  event.destination_workload = 257;
  event.destination = address("fd00::1");
  event.destination_port = htons(53);
  auto json = nlohmann::json::parse(flow_json(make_joiner().join(event)));
  CHECK(json ==
        nlohmann::json::parse(R"({"time":"2023-11-14T22:13:20.000000Z","kind":"open","source":{"workload":"world"},
    "destination":{"namespace":"shop","workload":"web","address":"fd00::1","port":53},
    "protocol":"UDP","verdict":"allowed","reporter":"destination"})"));
}

TEST_CASE("the path of a cgroup is asked once, and again later while it is unknown") {
  int asked = 0;
  FlowJoiner joiner(0, [&](std::uint64_t id) { return ++asked, id == 77 ? "/a.service" : ""; });
  auto event = closed_event();
  joiner.join(event);
  joiner.join(event);
  CHECK(asked == 1);
  event.cgroup = 78;
  joiner.join(event);
  joiner.join(event);
  CHECK(asked == 2);
  event.time_ns += FlowJoiner::kUnknownCgroupRetryNs;
  joiner.join(event);
  CHECK(asked == 3);
}

TEST_CASE("the unit of a cgroup is the one that systemd names") {
  CHECK(systemd_unit("/system.slice/nginx.service") == "nginx.service");
  CHECK(systemd_unit("/system.slice/system-getty.slice/getty@tty1.service") == "getty@tty1.service");
  CHECK(systemd_unit("/system.slice/docker-0123.scope/init") == "docker-0123.scope");
  CHECK(systemd_unit("/user.slice/user-1000.slice/user@1000.service/app.slice/tool.service") == "tool.service");
  CHECK(systemd_unit("/user.slice/user-1000.slice/user@1000.service") == "user@1000.service");
  CHECK(systemd_unit("/user.slice/user-1000.slice/session-3.scope") == "session-3.scope");
  CHECK(systemd_unit("/kubepods/burstable/pod1") == "");
  CHECK(systemd_unit("") == "");
}

TEST_CASE("JSON stays valid whatever a name holds") {
  auto round_trip = [](std::string_view text) {
    std::string out;
    JsonWriter(out).value(text);
    return nlohmann::json::parse(out).get<std::string>();
  };
  CHECK(round_trip("a\"b\\c\n\t\r\x01\x1b[31m\x7f") == "a\"b\\c\n\t\r\x01\x1b[31m\x7f");
  CHECK(round_trip("zürich 日本 🕸") == "zürich 日本 🕸");
  CHECK(round_trip("bad \xff\xc0\x80 end") == "bad \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd end");
  CHECK(round_trip("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(round_trip("\xe2\x82") == "\xef\xbf\xbd\xef\xbf\xbd");
  std::string out;
  JsonWriter(out)
      .begin_array()
      .value(1.5)
      .value(0.000001)
      .value(3.0)
      .value(-7)
      .value(UINT64_MAX)
      .value(true)
      .end_array();
  CHECK(out == "[1.5,0.000001,3,-7,18446744073709551615,true]");
}
