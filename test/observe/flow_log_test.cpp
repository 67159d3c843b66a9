#include <catch2/catch.hpp>

#include "agent/observe/flow_log.hpp"

using namespace weft;

namespace {

Flow numbered(std::uint32_t number) {
  Flow flow;
  flow.protocol = IPPROTO_TCP;
  flow.source.workload = flow.destination.workload = unknown_name();
  flow.pid = number;
  return flow;
}

std::uint32_t number_of(const std::variant<SharedFlow, LostFlows>& item) { return std::get<SharedFlow>(item)->pid; }

}  // namespace

TEST_CASE("the log keeps the newest flows, oldest first, and counts all") {
  FlowLog log(3);
  for (std::uint32_t i = 1; i <= 5; ++i) log.push(numbered(i));
  auto recent = log.recent();
  REQUIRE(recent.size() == 3);
  CHECK(recent.front()->pid == 3);
  CHECK(recent.back()->pid == 5);
  CHECK(log.total() == 5);
}

TEST_CASE("a reader gets every flow in order and is woken once for many") {
  FlowLog log;
  int woken = 0;
  auto reader = log.follow(Filter(), [&] { ++woken; });
  log.push(numbered(1));
  log.push(numbered(2));
  CHECK(woken == 1);
  CHECK(number_of(reader->pop()) == 1);
  CHECK(number_of(reader->pop()) == 2);
  CHECK(reader->empty());
  log.push(numbered(3));
  CHECK(woken == 2);
}

TEST_CASE("a slow reader loses flows, is told how many and where, and holds no more memory") {
  FlowLog log;
  auto reader = log.follow(Filter(), nullptr, FlowLog::kAnyTime, 2);
  for (std::uint32_t i = 1; i <= 5; ++i) log.push(numbered(i));
  CHECK(number_of(reader->pop()) == 1);
  log.push(numbered(6));  // full again: joins the gap
  CHECK(number_of(reader->pop()) == 2);
  log.push(numbered(7));
  auto gap = reader->pop();
  REQUIRE(std::holds_alternative<LostFlows>(gap));
  CHECK(std::get<LostFlows>(gap).count == 4);
  CHECK(number_of(reader->pop()) == 7);
  CHECK(reader->lost_total() == 4);
}

TEST_CASE("what the kernel lost is told to every reader and counted") {
  FlowLog log;
  auto one = log.follow(Filter(), nullptr);
  auto other = log.follow(Filter::parse("src=nobody").value(), nullptr);
  log.note_lost(7);
  log.note_lost(2);
  log.note_lost(0);
  CHECK(std::get<LostFlows>(one->pop()).count == 9);
  CHECK(std::get<LostFlows>(other->pop()).count == 9);
  CHECK(log.lost_total() == 9);
}

TEST_CASE("a reader's filter decides what it gets, and a slow one loses only what it wanted") {
  FlowLog log;
  auto reader = log.follow(Filter::parse("proto=udp").value(), nullptr, FlowLog::kAnyTime, 1);
  log.push(numbered(1));
  CHECK(reader->empty());
  auto udp = numbered(2);
  udp.protocol = IPPROTO_UDP;
  log.push(udp);
  log.push(numbered(3));
  CHECK(number_of(reader->pop()) == 2);
  CHECK(reader->empty());
}

TEST_CASE("a reader that follows from a time on gets nothing that happened before, whenever it is pushed") {
  FlowLog log;
  auto reader = log.follow(Filter(), nullptr, 1000);
  auto before = numbered(1), then = numbered(2);
  before.time_ns = 999;
  then.time_ns = 1000;
  log.push(before);
  CHECK(reader->empty());
  log.push(then);
  CHECK(number_of(reader->pop()) == 2);
  CHECK(log.recent().size() == 2);
}

TEST_CASE("a reader that went away is forgotten") {
  FlowLog log;
  auto reader = log.follow(Filter(), nullptr);
  CHECK(log.readers() == 1);
  reader.reset();
  CHECK(log.readers() == 0);
  log.push(numbered(1));
  CHECK(log.readers() == 0);
}
