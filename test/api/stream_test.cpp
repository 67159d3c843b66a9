#include <nlohmann/json.hpp>

#include "test/api/fixture.hpp"

using namespace weft;
using namespace weft::test;
using nlohmann::json;

namespace {

void push(Running& running, std::uint32_t first, std::uint32_t count, std::uint8_t protocol = IPPROTO_TCP) {
  running.on_loop([&] {
    for (std::uint32_t i = 0; i < count; ++i) {
      auto flow = sample_flow();
      flow.pid = first + i;
      flow.protocol = protocol;
      running.backend.log.push(std::move(flow));
    }
  });
}

std::vector<json> lines_of(const std::string& body) {
  std::vector<json> lines;
  for (std::size_t at = 0, end; (end = body.find('\n', at)) != std::string::npos; at = end + 1)
    lines.push_back(json::parse(body.substr(at, end - at)));
  return lines;
}

// Opens a stream and waits until it follows.
void follow(Running& running, Client& client, std::string_view query = "follow=1", std::string_view header = "") {
  auto before = running.on_loop([&] { return running.backend.log.readers(); });
  client.send("GET /api/v1/flows?" + std::string(query) + " HTTP/1.1\r\n" + std::string(header) + "\r\n");
  client.read_until("\r\n\r\n");
  while (running.on_loop([&] { return running.backend.log.readers(); }) == before) std::this_thread::yield();
}

std::string next_chunk(Client& client) {
  auto size = std::strtoul(client.read_until("\r\n").c_str(), nullptr, 16);
  auto text = client.read_until("\r\n");
  while (text.size() < size + 2) text += client.read_until("\r\n");
  return text.substr(0, size);
}

}  // namespace

TEST_CASE("recent flows come oldest first and end with a summary") {
  Running running;
  push(running, 1, 5);
  running.on_loop([&] { running.backend.log.note_lost(3); });
  auto answer = get(running, "/api/v1/flows");
  CHECK(answer.header("Content-Type") == "application/x-ndjson");
  auto lines = lines_of(answer.body);
  REQUIRE(lines.size() == 6);
  CHECK(lines[0]["process"]["pid"] == 1);
  CHECK(lines[4]["process"]["pid"] == 5);
  CHECK(lines[5] == json({{"kind", "summary"}, {"flows", 5}, {"lost", 3}}));
}

TEST_CASE("last and filter choose among the recent flows") {
  Running running;
  push(running, 1, 3);
  push(running, 4, 3, IPPROTO_UDP);
  push(running, 7, 3);
  auto lines = lines_of(get(running, "/api/v1/flows?last=2&filter=proto%3Dtcp+src%3Dshop/*").body);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0]["process"]["pid"] == 8);
  CHECK(lines[1]["process"]["pid"] == 9);
  CHECK(lines_of(get(running, "/api/v1/flows?last=0").body).size() == 1);
  auto wrong = get(running, "/api/v1/flows?filter=src%3D");
  CHECK(wrong.status == 400);
  CHECK(json::parse(wrong.body)["message"] == "filter: position 5: expected a value");
  for (auto query : {"last=x", "last=-1", "follow=maybe", "since=1h"})
    CHECK(get(running, std::string("/api/v1/flows?") + query).status == 400);
}

TEST_CASE("a full log is sent without a turn of the loop above 50 ms") {
  Running running;
  push(running, 1, FlowLog::kCapacity);
  Running fresh;  // the pushes above were one long turn
  fresh.on_loop([&] {
    for (auto& flow : running.backend.log.recent()) fresh.backend.log.push(*flow);
  });
  auto before = fresh.longest_turn();
  CHECK(lines_of(get(fresh, "/api/v1/flows?filter=cart").body).size() == FlowLog::kCapacity + 1);
  CHECK((fresh.longest_turn() == before || fresh.longest_turn() < std::chrono::milliseconds(50)));
}

TEST_CASE("a follower gets new flows as they come, after as many old ones as it asks for") {
  Running running;
  push(running, 1, 3);
  Client client(running.path);
  follow(running, client, "follow=1&last=1");
  CHECK(lines_of(next_chunk(client)).at(0)["process"]["pid"] == 3);
  push(running, 10, 2);
  auto lines = lines_of(next_chunk(client));
  REQUIRE(lines.size() == 2);
  CHECK(lines[1]["process"]["pid"] == 11);
  push(running, 12, 1);
  CHECK(lines_of(next_chunk(client)).at(0)["process"]["pid"] == 12);
}

TEST_CASE("a follower of new flows alone does not get what ended before it came and was read from the kernel later") {
  Running running;
  running.backend.now = sample_flow().time_ns + 1;
  Client all(running.path), fresh(running.path);
  follow(running, all, "follow=1&last=1");
  follow(running, fresh, "follow=1&last=0");
  push(running, 1, 1);
  running.on_loop([&] {
    auto flow = sample_flow();
    flow.time_ns += 1;
    flow.pid = 2;
    running.backend.log.push(std::move(flow));
  });
  CHECK(lines_of(next_chunk(fresh)).at(0)["process"]["pid"] == 2);
  CHECK(lines_of(next_chunk(all)).at(0)["process"]["pid"] == 1);
}

TEST_CASE("server-sent events are the same lines as data") {
  Running running;
  Client client(running.path);
  follow(running, client, "follow=true", "Accept: text/event-stream\r\n");
  push(running, 1, 1);
  auto event = next_chunk(client);
  REQUIRE(event.starts_with("data: {"));
  CHECK(event.ends_with("}\n\n"));
  CHECK(json::parse(event.substr(6))["process"]["pid"] == 1);
}

TEST_CASE("a slow follower loses flows and is told how many; others and the loop do not notice") {
  Running running;
  Client slow(running.path), quick(running.path);
  follow(running, slow);
  follow(running, quick);
  constexpr std::uint32_t kRounds = 60, kEach = 500;
  std::uint64_t quick_got = 0, slow_got = 0, slow_lost = 0;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    push(running, round * kEach, kEach);
    while (quick_got < (round + 1) * kEach) quick_got += lines_of(next_chunk(quick)).size();
  }
  CHECK(quick_got == kRounds * kEach);
  CHECK(get(running, "/livez").status == 200);
  while (slow_got + slow_lost < kRounds * kEach) {
    auto chunk = next_chunk(slow);
    REQUIRE_FALSE(chunk.empty());
    for (const auto& line : lines_of(chunk)) {
      if (line["kind"] == "lost")
        slow_lost += line["count"].get<std::uint64_t>();
      else
        ++slow_got;
    }
  }
  CHECK(slow_got + slow_lost == kRounds * kEach);
  CHECK(slow_lost > 0);
}

TEST_CASE("a follower that pauses longer than an answer may take is kept; one that is paused too long is not") {
  HttpLimits limits;
  limits.write_timeout_ms = 50;
  limits.follow_timeout_ms = 2500;
  Running running(limits);
  Client paused(running.path);
  follow(running, paused);
  for (std::uint32_t i = 0; i < 5; ++i) push(running, i * 1000, 1000);  // more than the socket holds
  pollfd never{-1, 0, 0};
  ::poll(&never, 1, 200);
  CHECK(running.on_loop([&] { return running.backend.log.readers(); }) == 1);
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (running.on_loop([&] { return running.backend.log.readers(); }) > 0 && std::chrono::steady_clock::now() < limit)
    std::this_thread::yield();
  CHECK(running.on_loop([&] { return running.backend.log.readers(); }) == 0);
}

TEST_CASE("what the kernel lost reaches a follower") {
  Running running;
  Client client(running.path);
  follow(running, client);
  running.on_loop([&] { running.backend.log.note_lost(4); });
  CHECK(next_chunk(client) == "{\"kind\":\"lost\",\"count\":4}\n");
}

TEST_CASE("a follower that hangs up is forgotten, also when nothing happens") {
  Running running;
  {
    Client client(running.path);
    follow(running, client);
    CHECK(running.on_loop([&] { return running.server->connections(); }) == 1);
  }
  while (running.on_loop([&] { return running.server->connections(); }) > 0) std::this_thread::yield();
  CHECK(running.on_loop([&] { return running.backend.log.readers(); }) == 0);
}

TEST_CASE("a server ends while followers listen") {
  Running running;
  Client client(running.path);
  follow(running, client);
  push(running, 1, 10);
  running.on_loop([&] { running.server.reset(); });
  CHECK(client.closed_by_peer());
}
