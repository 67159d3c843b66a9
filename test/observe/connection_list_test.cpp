#include "agent/observe/connection_list.hpp"

#include <netinet/in.h>

#include <catch2/catch.hpp>

using namespace weft;

namespace {

weft_flow_event record(std::uint64_t cookie, std::uint8_t kind, std::uint64_t duration_ns = 0) {
  weft_flow_event event{};
  event.socket_cookie = cookie;
  event.kind = kind;
  event.protocol = IPPROTO_TCP;
  event.duration_ns = duration_ns;
  return event;
}

}  // namespace

TEST_CASE("a connection that ended before its record was read is never listed") {
  ConnectionList list;
  list.take(record(1, WEFT_FLOW_OPEN));
  list.take(record(2, WEFT_FLOW_OPEN));
  list.take(record(1, WEFT_FLOW_CLOSE, 5'000'000));
  auto changes = list.changes();
  REQUIRE(changes.opened.size() == 1);
  CHECK(changes.opened[0].socket_cookie == 2);
  CHECK(changes.closed.empty());
}

TEST_CASE("a young connection that was listed is taken off when its end is read") {
  ConnectionList list;
  list.take(record(7, WEFT_FLOW_OPEN));
  CHECK(list.changes().opened.size() == 1);
  list.take(record(7, WEFT_FLOW_CLOSE, 900'000));
  auto changes = list.changes();
  CHECK(changes.opened.empty());
  CHECK(changes.closed == std::vector<std::uint64_t>{7});
}

TEST_CASE("the kernel itself takes old connections off") {
  ConnectionList list;
  list.take(record(7, WEFT_FLOW_CLOSE, 3'600'000'000'000));
  CHECK(list.changes().closed.empty());
}

TEST_CASE("changes are told once, and failures and UDP are not listed") {
  ConnectionList list;
  list.take(record(1, WEFT_FLOW_OPEN));
  list.take(record(2, WEFT_FLOW_FAIL));
  auto datagrams = record(3, WEFT_FLOW_OPEN);
  datagrams.protocol = IPPROTO_UDP;
  list.take(datagrams);
  CHECK(list.changes().opened.size() == 1);
  CHECK(list.changes().opened.empty());
}
