#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "agent/api/listen.hpp"
#include "test/api/fixture.hpp"

using namespace weft;
using namespace weft::test;
using nlohmann::json;

namespace {

HttpLimits quick() {
  HttpLimits limits;
  limits.request_timeout_ms = 400;
  limits.linger_ms = 100;
  return limits;
}

// Runs `work` in a child as nobody, in the group of the socket; its result is the exit code.
int as_nobody(const std::function<int()>& work) {
  auto child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(0) != 0 || ::setuid(65534) != 0) ::_exit(100);
    ::_exit(work());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Only system calls: runs between fork and exit of a process with threads.
int post_and_read_status(const std::string& path, std::string_view request) {
  int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return 101;
  if (::write(fd, request.data(), request.size()) < 0) return 102;
  char answer[64] = {};
  if (::read(fd, answer, sizeof answer - 1) < 12) return 103;
  return std::memcmp(answer, "HTTP/1.1 403", 12) == 0 ? 3 : std::memcmp(answer, "HTTP/1.1 200", 12) == 0 ? 2 : 104;
}

}  // namespace

TEST_CASE("every read of the API answers, and nothing else exists") {
  Running running;
  for (auto path :
       {"/livez", "/readyz", "/metrics", "/api/v1/status", "/api/v1/checks", "/api/v1/services", "/api/v1/endpoints",
        "/api/v1/workloads", "/api/v1/identities", "/api/v1/connections", "/api/v1/edges", "/api/v1/policies",
        "/api/v1/routes", "/api/v1/certs", "/api/v1/config", "/api/v1/flows"}) {
    INFO(path);
    CHECK(get(running, path).status == 200);
    auto refused = Client(running.path).request("DELETE", path);
    CHECK(refused.status == 405);
    CHECK(refused.header("Allow") == "GET, HEAD");
  }
  for (auto path : {"/", "/api", "/api/v1", "/api/v2/status", "/api/v1/status/"})
    CHECK(get(running, path).status == 404);
  CHECK(json::parse(get(running, "/nowhere").body) ==
        json({{"apiVersion", "weft/v1"}, {"kind", "Error"}, {"code", 1}, {"message", "there is no /nowhere"}}));
}

TEST_CASE("readyz says why not") {
  Running running;
  running.on_loop([&] { running.backend.is_ready = false; });
  auto answer = get(running, "/readyz");
  CHECK(answer.status == 503);
  CHECK(answer.body == "not ready: sources are not synced\n");
}

TEST_CASE("lists are filtered by namespace and name; other parameters are refused") {
  Running running;
  CHECK(json::parse(get(running, "/api/v1/services").body)["items"].size() == 2);
  CHECK(json::parse(get(running, "/api/v1/services?namespace=bank").body)["items"].size() == 1);
  CHECK(json::parse(get(running, "/api/v1/services?namespace=bank&name=s0").body)["items"].empty());
  CHECK(json::parse(get(running, "/api/v1/edges?namespace=bank").body)["items"].size() == 1);
  CHECK(json::parse(get(running, "/api/v1/edges?name=cart").body)["items"].size() == 1);
  CHECK(json::parse(get(running, "/api/v1/connections?namespace=bank").body)["items"].empty());
  auto refused = get(running, "/api/v1/services?color=red");
  CHECK(refused.status == 400);
  CHECK(json::parse(refused.body)["code"] == 64);
  CHECK(get(running, "/api/v1/services?name=%zz").status == 400);
}

TEST_CASE("changes are for root and the agent's user: a member of the group may only read") {
  if (::geteuid() != 0) {
    WARN("needs root");
    return;
  }
  Running running;
  CHECK(Client(running.path).request("POST", "/api/v1/reload").status == 200);
  auto post = [&] {
    return post_and_read_status(running.path, "POST /api/v1/reload HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  };
  auto read = [&] { return post_and_read_status(running.path, "GET /api/v1/status HTTP/1.1\r\n\r\n"); };
  CHECK(as_nobody(post) == 3);
  CHECK(as_nobody(read) == 2);
}

TEST_CASE("a reload answers when it is done: 200, or 422 with what was refused") {
  Running running;
  auto done = Client(running.path).request("POST", "/api/v1/reload");
  CHECK(done.status == 200);
  CHECK(json::parse(done.body)["revision"] == 7);
  running.on_loop([&] { running.backend.reload_refused = true; });
  auto refused = Client(running.path).request("POST", "/api/v1/reload");
  CHECK(refused.status == 422);
  auto body = json::parse(refused.body);
  CHECK(body["code"] == 65);
  CHECK(body["findings"][0]["object"] == "Service shop/web");
  CHECK(Client(running.path).get("/api/v1/reload").status == 405);
}

TEST_CASE("a reload that takes long holds up nobody, also when its caller has gone") {
  Running running;
  running.on_loop([&] { running.backend.hold_reloads = true; });
  Client waiting(running.path);
  waiting.send("POST /api/v1/reload HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
  {
    Client gone(running.path);
    gone.send("POST /api/v1/reload HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    while (running.on_loop([&] { return running.backend.pending_reloads.size(); }) < 2) std::this_thread::yield();
  }
  CHECK(get(running, "/livez").status == 200);
  running.on_loop([&] {
    for (auto& done : running.backend.pending_reloads) done({true, 9, "", {}});
    running.backend.pending_reloads.clear();
  });
  CHECK(json::parse(waiting.answer().body)["revision"] == 9);
}

TEST_CASE("the log level changes, and a bad one says so") {
  Running running;
  CHECK(Client(running.path).request("POST", "/api/v1/log", R"({"level":"debug"})").status == 200);
  CHECK(running.on_loop([&] { return running.backend.log_level; }) == "debug");
  for (auto body : {R"({"level":"loud"})", R"({"level":5})", "{}", "[", "", R"({"level":"debug","more":1})"})
    CHECK(Client(running.path).request("POST", "/api/v1/log", body).status == 400);
}

TEST_CASE("a connection serves one request after the other, also when they come together") {
  Running running;
  Client client(running.path);
  CHECK(client.get("/livez").body == "ok\n");
  CHECK(client.get("/api/v1/status").status == 200);
  client.send("GET /livez HTTP/1.1\r\n\r\nGET /api/v1/services HTTP/1.1\r\n\r\nGET /nope HTTP/1.1\r\n\r\n");
  CHECK(client.answer().body == "ok\n");
  CHECK(json::parse(client.answer().body)["kind"] == "ServiceList");
  CHECK(client.answer().status == 404);
}

TEST_CASE("HEAD has no body, HTTP/1.0 ends with the connection, close is obeyed") {
  Running running;
  Client head(running.path);
  CHECK(head.request("HEAD", "/api/v1/services").status == 200);
  CHECK(head.request("HEAD", "/livez").header("Content-Length") == "3");
  CHECK(head.get("/livez").body == "ok\n");
  Client old(running.path);
  old.send("GET /api/v1/services HTTP/1.0\r\n\r\n");
  auto answer = old.answer();
  CHECK(answer.header("Transfer-Encoding").empty());
  CHECK(json::parse(answer.body)["kind"] == "ServiceList");
  Client last(running.path);
  last.send("GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n");
  CHECK(last.answer().header("Connection") == "close");
  CHECK(last.closed_by_peer());
}

TEST_CASE("what is no HTTP is answered with 400 and ends") {
  Running running;
  for (auto text : {"\r\n\r\n\x01\x02", "GET / HTTP/9.9\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                    "GET /livez HTTP/1.1\r\nContent-Length: x\r\n\r\n", "GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
                    "POST /api/v1/log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    INFO(text);
    Client client(running.path);
    client.send(text);
    auto answer = client.answer();
    CHECK(answer.status == 400);
    CHECK(json::parse(answer.body)["kind"] == "Error");
    CHECK(client.closed_by_peer());
  }
  CHECK(get(running, "/livez").status == 200);
}

TEST_CASE("a request has bounds: 8 KiB of header, 1 MiB of body") {
  Running running;
  Client headers(running.path);
  headers.send("GET /livez HTTP/1.1\r\nX: " + std::string(9000, 'a') + "\r\n\r\n");
  CHECK(headers.answer().status == 431);
  Client declared(running.path);
  declared.send("POST /api/v1/log HTTP/1.1\r\nContent-Length: 1048577\r\n\r\n");
  CHECK(declared.answer().status == 413);
  Client chunked(running.path);
  chunked.send("POST /api/v1/log HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
  std::string piece = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  for (int i = 0; i < 17 && chunked.send(piece); ++i) {
  }
  CHECK(chunked.answer().status == 413);
  auto fits =
      Client(running.path).request("POST", "/api/v1/log", R"({"level":"debug"})" + std::string(1048576 - 17, ' '));
  CHECK(fits.status == 200);
}

TEST_CASE("a request that does not arrive in time is answered with 408, an idle connection is closed") {
  Running running(quick());
  Client slow(running.path), idle(running.path), body(running.path);
  slow.send("GET /livez HTT");
  body.send("POST /api/v1/log HTTP/1.1\r\nContent-Length: 10\r\n\r\nab");
  CHECK(slow.answer().status == 408);
  CHECK(body.answer().status == 408);
  CHECK(idle.closed_by_peer());
  CHECK(idle.answer().status == 0);
}

TEST_CASE("a client that drips bytes does not win time with each of them") {
  Running running(quick());
  Client dripping(running.path);
  auto begin = std::chrono::steady_clock::now();
  pollfd readable{dripping.fd(), POLLIN, 0};
  while (::poll(&readable, 1, 20) == 0)
    if (!dripping.send("G")) break;
  CHECK(dripping.answer().status == 408);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(3));
}

TEST_CASE("a client that asks first may send its body") {
  Running running;
  Client client(running.path);
  client.send("POST /api/v1/log HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 17\r\n\r\n");
  CHECK(client.read_until("\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
  client.send(R"({"level":"debug"})");
  CHECK(client.answer().status == 200);
}

TEST_CASE("the thirty-third connection is refused at once and the others are served on") {
  Running running;
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 32; ++i) clients.push_back(std::make_unique<Client>(running.path));
  for (auto& client : clients) CHECK(client->get("/livez").status == 200);
  Client over(running.path);
  auto refused = over.answer();
  CHECK(refused.status == 503);
  CHECK(json::parse(refused.body)["code"] == 4);
  CHECK(clients[5]->get("/livez").status == 200);
  clients.pop_back();
  while (running.on_loop([&] { return running.server->connections(); }) > 31) std::this_thread::yield();
  CHECK(get(running, "/livez").status == 200);
}

TEST_CASE("ten thousand services are listed without a turn of the loop above 50 ms") {
  Running running;
  running.on_loop([&] { running.backend.service_count = 10000, running.backend.endpoints_per_service = 10; });
  auto body = get(running, "/api/v1/services").body;
  CHECK(json::parse(body)["items"].size() == 10000);
  CHECK(running.longest_turn() < std::chrono::milliseconds(50));
}

TEST_CASE("a reader that never reads is let go, and holds up nobody meanwhile") {
  HttpLimits limits;
  limits.write_timeout_ms = 200;
  limits.linger_ms = 100;
  Running running(limits);
  running.on_loop([&] { running.backend.service_count = 10000; });
  Client stuck(running.path);
  stuck.send("GET /api/v1/services HTTP/1.1\r\n\r\n");
  for (int i = 0; i < 20; ++i) CHECK(get(running, "/livez").status == 200);
  auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (running.on_loop([&] { return running.server->connections(); }) > 0 && std::chrono::steady_clock::now() < limit)
    std::this_thread::yield();
  CHECK(running.on_loop([&] { return running.server->connections(); }) == 0);
}

TEST_CASE("the socket is for its owner and its group") {
  Running running({}, "daemon");
  struct stat found{};
  REQUIRE(::stat(running.path.c_str(), &found) == 0);
  CHECK((found.st_mode & 07777) == 0660);
  CHECK(found.st_uid == ::geteuid());
  if (::geteuid() == 0) {
    CHECK(running.server->warnings().empty());
    CHECK(found.st_gid == ::getgrnam("daemon")->gr_gid);
  }
}

TEST_CASE("a group that does not exist is a warning, and the agent serves") {
  Running running({}, "no-such-group");
  REQUIRE(running.server->warnings().size() == 1);
  CHECK(running.server->warnings()[0].find("no-such-group") != std::string::npos);
  CHECK(get(running, "/livez").status == 200);
}

TEST_CASE("a second agent refuses the socket and names the first") {
  Running running;
  boost::asio::io_context loop;
  FakeBackend backend;
  auto second = ApiServer::start(loop, backend, {running.path, "", {}});
  REQUIRE_FALSE(second);
  CHECK(second.error().code == EADDRINUSE);
  CHECK(second.error().what.find("process " + std::to_string(::getpid())) != std::string::npos);
  CHECK(get(running, "/livez").status == 200);
}

TEST_CASE("the socket of an agent that died is replaced, a file that is no socket is not") {
  Running running;
  auto stale = running.path + ".stale";
  {
    auto left_over = listen_unix(stale, "");
    REQUIRE(left_over);
  }
  boost::asio::io_context loop;
  FakeBackend backend;
  CHECK(ApiServer::start(loop, backend, {stale, "", {}}));
  CHECK_FALSE(std::filesystem::exists(stale));  // removed when the server ended
  std::ofstream(stale) << "precious";
  auto refused = ApiServer::start(loop, backend, {stale, "", {}});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("no socket") != std::string::npos);
  CHECK(std::filesystem::file_size(stale) == 8);
  CHECK_FALSE(ApiServer::start(loop, backend, {std::string(200, 'x'), "", {}}));
  CHECK_FALSE(ApiServer::start(loop, backend, {"/proc/no/such/weft.sock", "", {}}));
}

TEST_CASE("the end of a server removes its own socket and no other") {
  Running running;
  ::unlink(running.path.c_str());
  auto other = listen_unix(running.path, "");
  REQUIRE(other);
  running.on_loop([&] { running.server.reset(); });
  CHECK(std::filesystem::exists(running.path));
}
