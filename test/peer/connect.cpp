// The TCP client: opens connections, sends requests, checks the answers and tells what it saw.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <unordered_map>

#include "test/peer/modes.hpp"
#include "test/peer/net.hpp"
#include "test/peer/options.hpp"
#include "test/peer/report.hpp"

namespace weft::peer {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
constexpr std::uint64_t kSweep_us = 200'000;  // how often silent connections are looked for

enum class Ending { kFin, kReset, kHalf };

struct Plan {
  std::vector<Address> to;
  Address source;
  std::uint64_t count = 1;
  std::uint64_t concurrency = 1;
  std::uint64_t requests = 1;  // per connection
  std::uint64_t bytes_out = 0;
  std::uint64_t bytes_in = 0;
  bool http = false;
  bool silent = false;
  bool banner = false;
  bool mptcp = false;
  bool fast_open = false;
  bool show_peer = true;
  Ending ending = Ending::kFin;
  double hold_s = 0;
  double rate = 0;        // connections per second, 0: as fast as possible
  double duration_s = 0;  // 0: until count
  std::uint64_t timeout_us = 5'000'000;
};

enum class Phase { kConnecting, kTalking, kHolding, kDraining };

struct Session {
  Phase phase = Phase::kConnecting;
  std::uint64_t started_us = 0;  // of the connection
  std::uint64_t active_us = 0;   // of the last progress
  std::uint64_t request_us = 0;
  std::uint64_t requests_left = 0;
  std::string output;
  std::uint64_t output_fill = 0;
  std::string header;
  bool in_body = false;
  std::uint64_t body = 0;
  std::string server;
  std::uint32_t events = EPOLLOUT | EPOLLIN;  // that epoll waits for
};

class Client {
 public:
  Client(Plan plan, Report& report) : plan_(std::move(plan)), report_(report), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  void run();

 private:
  bool may_open(std::uint64_t now) const;
  void open_one();
  int make_socket(int family);
  int send_first(int fd, Session& session, const Address& to);
  void on_event(int fd, std::uint32_t events);
  bool on_connected(int fd, Session& session);
  void start_request(Session& session);
  bool send_some(int fd, Session& session);
  bool receive_some(int fd, Session& session);
  bool take_header(Session& session);
  bool finish_request(int fd, Session& session);
  bool fail(const Session& session, const std::string& reason);
  void wait_for(int fd, Session& session, std::uint32_t events);
  void end(int fd);
  void sweep(std::uint64_t now);
  void release_held();
  void watch(int fd, std::uint32_t events, int operation);
  int wait_ms(std::uint64_t now) const;

  Plan plan_;
  Report& report_;
  int epoll_;
  std::uint64_t opened_ = 0;
  std::uint64_t held_ = 0;
  std::uint64_t begin_us_ = 0;
  std::uint64_t hold_until_us_ = 0;
  std::unordered_map<int, std::unique_ptr<Session>> sessions_;
};

void Client::watch(int fd, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_, operation, fd, &event);
}

int Client::make_socket(int family) {
  // With one connection at a time connect() blocks, so that its latency is that of the call.
  const int flags = SOCK_CLOEXEC | (plan_.concurrency > 1 ? SOCK_NONBLOCK : 0);
  const int fd = socket(family, SOCK_STREAM | flags, plan_.mptcp ? IPPROTO_MPTCP : 0);
  if (fd < 0) return -1;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  if (plan_.concurrency == 1) {
    const timeval limit{static_cast<time_t>(plan_.timeout_us / 1'000'000),
                        static_cast<suseconds_t>(plan_.timeout_us % 1'000'000)};
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  if (plan_.source.size > 0) {
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
    if (bind(fd, plan_.source.raw(), plan_.source.size) != 0) {
      close(fd);
      return -1;
    }
  }
  return fd;
}

void Client::start_request(Session& session) {
  session.request_us = now_us();
  if (plan_.http) {
    session.output =
        plan_.bytes_out == 0
            ? "GET / HTTP/1.1\r\nHost: weft\r\n\r\n"
            : "POST / HTTP/1.1\r\nHost: weft\r\nContent-Length: " + std::to_string(plan_.bytes_out) + "\r\n\r\n";
  } else {
    session.output = "weft " + std::to_string(plan_.bytes_out) + " " + std::to_string(plan_.bytes_in) + "\n";
  }
  session.output_fill = plan_.bytes_out;
}

// connect() with the first request in the SYN (TCP fast open, RFC 7413).
int Client::send_first(int fd, Session& session, const Address& to) {
  start_request(session);
  session.output.append(session.output_fill, 'w');
  session.output_fill = 0;
  const auto sent =
      sendto(fd, session.output.data(), session.output.size(), MSG_FASTOPEN | MSG_NOSIGNAL, to.raw(), to.size);
  if (sent < 0) return -1;
  report_.sent_bytes += static_cast<std::uint64_t>(sent);
  session.output.erase(0, static_cast<std::size_t>(sent));
  return 0;
}

void Client::open_one() {
  const Address& to = plan_.to[opened_++ % plan_.to.size()];
  const std::uint64_t started = now_us();
  const int fd = make_socket(to.family());
  if (fd < 0) return report_.fail(errno_name(errno), 0);
  auto& session = *(sessions_[fd] = std::make_unique<Session>());
  session.started_us = session.active_us = started;
  session.requests_left = plan_.requests;
  const std::uint64_t called_ns = now_ns();
  const int result = plan_.fast_open ? send_first(fd, session, to) : ::connect(fd, to.raw(), to.size);
  const int error = result < 0 ? errno : 0;
  const std::uint64_t returned_ns = now_ns();
  if (error != 0 && (error != EINPROGRESS || plan_.concurrency == 1)) {
    report_.fail(errno_name(error == EINPROGRESS || error == EAGAIN ? ETIMEDOUT : error),
                 (returned_ns - called_ns) / 1000);
    return end(fd);
  }
  watch(fd, EPOLLOUT | EPOLLIN, EPOLL_CTL_ADD);
  if (error == 0) {
    if (plan_.concurrency == 1) fcntl(fd, F_SETFL, O_NONBLOCK);
    report_.connect.add_ns(returned_ns - called_ns);
    if (!on_connected(fd, session)) end(fd);
  }
}

// False when the connection is over.
bool Client::on_connected(int fd, Session& session) {
  ++report_.connections;
  session.phase = Phase::kTalking;
  if (plan_.show_peer) {
    const auto peer = peer_of(fd);
    report_.peers.insert(peer ? peer->text() : "none");
    plan_.show_peer = report_.peers.size() < 16 && report_.connections < 2000;  // the call is not part of a measurement
  }
  if (plan_.silent) {
    ++report_.ok;
    session.requests_left = 1;
    return finish_request(fd, session);
  }
  if (plan_.banner) {
    session.request_us = now_us();
    return true;
  }
  if (!plan_.fast_open) start_request(session);
  return send_some(fd, session);
}

bool Client::send_some(int fd, Session& session) {
  while (!session.output.empty() || session.output_fill > 0) {
    if (session.output.size() < kChunk && session.output_fill > 0) {
      const auto more = std::min<std::uint64_t>(session.output_fill, kChunk);
      session.output.append(more, 'w');
      session.output_fill -= more;
    }
    const auto size = send(fd, session.output.data(), session.output.size(), MSG_NOSIGNAL);
    if (size < 0) {
      if (errno != EAGAIN) return fail(session, errno_name(errno));
      wait_for(fd, session, EPOLLOUT | EPOLLIN);
      return true;
    }
    report_.sent_bytes += static_cast<std::uint64_t>(size);
    session.output.erase(0, static_cast<std::size_t>(size));
  }
  if (plan_.ending == Ending::kHalf && session.requests_left == 1) shutdown(fd, SHUT_WR);
  wait_for(fd, session, EPOLLIN);
  return true;
}

// False while the header is incomplete.
bool Client::take_header(Session& session) {
  const std::string_view ending = plan_.http ? "\r\n\r\n" : "\n";
  const std::size_t found = session.header.find(ending);
  if (found == std::string::npos) return false;
  const std::string header = session.header.substr(0, found + ending.size());
  session.header.erase(0, header.size());
  char server[64] = "";
  char client[80] = "";
  unsigned long long length = 0;
  if (plan_.http) {
    if (const auto at = header.find("Server: "); at != std::string::npos)
      std::sscanf(header.c_str() + at, "Server: %63s", server);
    if (const auto at = header.find("X-Client: "); at != std::string::npos)
      std::sscanf(header.c_str() + at, "X-Client: %79s", client);
    if (const auto at = header.find("Content-Length: "); at != std::string::npos) {
      length = std::strtoull(header.c_str() + at + 16, nullptr, 10);
    }
  } else {
    std::sscanf(header.c_str(), "%63s %79s %llu", server, client, &length);
  }
  session.server = server;
  if (report_.clients.size() < 64) {
    if (const auto address = parse_address(client)) report_.clients.insert(address->host());
  }
  session.body = length;
  session.in_body = true;
  return true;
}

bool Client::receive_some(int fd, Session& session) {
  static std::array<char, kChunk> data;
  while (true) {
    const auto size = recv(fd, data.data(), data.size(), 0);
    if (size < 0 && errno == EAGAIN) return true;
    if (size < 0) return fail(session, errno_name(errno));
    if (size == 0) {
      if (session.phase == Phase::kDraining || session.phase == Phase::kHolding) return false;
      return fail(session, "EOF");
    }
    report_.received_bytes += static_cast<std::uint64_t>(size);
    auto left = static_cast<std::uint64_t>(size);
    if (!session.in_body) {
      session.header.append(data.data(), left);
      if (!take_header(session)) continue;
      left = session.header.size();
      session.header.clear();
    }
    session.body -= std::min(session.body, left);
    if (session.body > 0) continue;
    ++report_.ok;
    ++report_.servers[session.server];
    report_.request.add_us(now_us() - session.request_us);
    if (!finish_request(fd, session)) return false;
    if (session.phase == Phase::kTalking && session.output.empty() && session.output_fill == 0) continue;
    return true;
  }
}

// After an answer: the next request, the hold, or the end (false).
bool Client::finish_request(int fd, Session& session) {
  session.in_body = false;
  const bool time_left =
      plan_.duration_s == 0 || now_us() < begin_us_ + static_cast<std::uint64_t>(plan_.duration_s * 1e6);
  if (--session.requests_left > 0 && time_left && !stop_requested()) {
    start_request(session);
    return send_some(fd, session);
  }
  if (plan_.hold_s > 0) {
    session.phase = Phase::kHolding;
    ++held_;
    wait_for(fd, session, EPOLLIN);
    return true;
  }
  if (plan_.ending != Ending::kHalf) return false;
  session.phase = Phase::kDraining;
  return true;
}

// Always false: the connection is over.
bool Client::fail(const Session& session, const std::string& reason) {
  report_.fail(reason, now_us() - session.started_us);
  return false;
}

void Client::wait_for(int fd, Session& session, std::uint32_t events) {
  if (session.events == events) return;
  session.events = events;
  watch(fd, events, EPOLL_CTL_MOD);
}

void Client::end(int fd) {
  const auto found = sessions_.find(fd);
  if (found->second->phase == Phase::kHolding) --held_;
  if (plan_.ending == Ending::kReset) {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  sessions_.erase(found);
  close(fd);
}

void Client::on_event(int fd, std::uint32_t events) {
  const auto found = sessions_.find(fd);
  if (found == sessions_.end()) return;
  Session& session = *found->second;
  session.active_us = now_us();
  if (session.phase == Phase::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) fail(session, errno_name(error));
    if (error != 0) return end(fd);
    if ((events & (EPOLLOUT | EPOLLIN)) == 0) return;
    report_.connect.add_us(session.active_us - session.started_us);
    if (!on_connected(fd, session)) return end(fd);
  } else if ((events & EPOLLOUT) != 0 && !send_some(fd, session)) {
    return end(fd);
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && !receive_some(fd, session)) end(fd);
}

void Client::sweep(std::uint64_t now) {
  std::vector<int> silent;
  for (const auto& [fd, session] : sessions_) {
    if (session->phase != Phase::kHolding && now - session->active_us > plan_.timeout_us) silent.push_back(fd);
  }
  for (const int fd : silent) {
    fail(*sessions_.at(fd), "TIMEOUT");
    end(fd);
  }
}

bool Client::may_open(std::uint64_t now) const {
  if (stop_requested() || sessions_.size() - held_ >= plan_.concurrency) return false;
  const auto elapsed_us = static_cast<double>(now - begin_us_);
  if (plan_.duration_s > 0 && elapsed_us >= plan_.duration_s * 1e6) return false;
  if (opened_ >= plan_.count) return false;
  return plan_.rate == 0 || static_cast<double>(opened_) < elapsed_us * plan_.rate / 1e6;
}

// With a hold, everything stays open until the last one stood for that long.
void Client::release_held() {
  std::vector<int> fds;
  for (const auto& [fd, session] : sessions_) {
    if (session->phase == Phase::kHolding) fds.push_back(fd);
  }
  for (const int fd : fds) end(fd);
}

int Client::wait_ms(std::uint64_t now) const {
  if (may_open(now)) return 0;
  return plan_.rate > 0 ? 1 : 100;
}

void Client::run() {
  begin_us_ = now_us();
  std::uint64_t swept_us = begin_us_;
  std::array<epoll_event, 256> events;
  while (true) {
    std::uint64_t now = now_us();
    for (int burst = 0; burst < 64 && may_open(now); ++burst) open_one();
    const bool time_over = plan_.duration_s > 0 && static_cast<double>(now - begin_us_) >= plan_.duration_s * 1e6;
    const bool all_opened = opened_ >= plan_.count || time_over || stop_requested();
    if (all_opened && sessions_.size() == held_) {
      if (held_ == 0) return;
      if (hold_until_us_ == 0) hold_until_us_ = now + static_cast<std::uint64_t>(plan_.hold_s * 1e6);
      if (now >= hold_until_us_ || stop_requested()) release_held();
    }
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), wait_ms(now));
    for (int i = 0; i < count; ++i) on_event(events[i].data.fd, events[i].events);
    now = now_us();
    if (now - swept_us > kSweep_us) {
      sweep(now);
      swept_us = now;
    }
  }
}

Ending parse_ending(const std::string& text) {
  if (text == "fin") return Ending::kFin;
  if (text == "rst") return Ending::kReset;
  if (text == "half") return Ending::kHalf;
  usage_error("--close wants fin, rst or half");
}

Plan make_plan(const Options& options) {
  Plan plan;
  plan.to = parse_addresses(options.text("to"));
  if (plan.to.empty()) usage_error("--to wants ADDR:PORT[,…]");
  if (options.has("v4-mapped")) std::transform(plan.to.begin(), plan.to.end(), plan.to.begin(), mapped);
  if (options.has("source")) {
    const auto source = parse_address(options.text("source"));
    if (!source) usage_error("--source wants ADDR:PORT, port 0 for any");
    plan.source = *source;
  }
  plan.duration_s = options.real("duration", 0);
  plan.count = options.number("count", plan.duration_s > 0 ? UINT64_MAX : 1);
  plan.concurrency = options.number("concurrency", 1);
  plan.requests = options.number("requests", 1);
  if (options.has("keep-alive")) {
    plan.requests = plan.duration_s > 0 ? UINT64_MAX : std::max<std::uint64_t>(1, plan.count / plan.concurrency);
    plan.count = plan.concurrency;
  }
  plan.bytes_out = options.number("bytes-out", 0);
  plan.bytes_in = options.number("bytes-in", 0);
  plan.http = options.has("http");
  plan.silent = options.has("silent");
  plan.banner = options.has("banner");
  plan.mptcp = options.has("mptcp");
  plan.fast_open = options.has("fastopen");
  plan.ending = parse_ending(options.text("close", "fin"));
  plan.hold_s = options.real("hold", 0);
  plan.rate = options.real("rate", 0);
  plan.timeout_us = static_cast<std::uint64_t>(options.real("timeout", 5) * 1e6);
  return plan;
}

}  // namespace

int connect(int argc, char** argv) {
  const Options options(
      argc, argv,
      {"to", "count", "concurrency", "requests", "bytes-out", "bytes-in", "source", "hold", "rate", "duration", "close",
       "timeout", "interval-ms"},
      {"udp", "connected", "one-socket", "v4-mapped", "mptcp", "fastopen", "keep-alive", "http", "silent", "banner"});
  install_stop_signals();
  if (options.has("udp")) return exchange_datagrams(options);
  Report report;
  Client client(make_plan(options), report);
  const std::uint64_t begin = now_us();
  client.run();
  report.print(static_cast<double>(now_us() - begin) / 1e6);
  return report.exit_code();
}

}  // namespace weft::peer
