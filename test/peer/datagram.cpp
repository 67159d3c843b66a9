// The UDP client: one datagram out, one back, with the socket connected or not, new or kept.
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "test/peer/modes.hpp"
#include "test/peer/net.hpp"
#include "test/peer/options.hpp"
#include "test/peer/report.hpp"

namespace weft::peer {
namespace {

struct Exchange {
  std::vector<Address> to;
  Address source;
  std::string payload;
  bool connected = false;
  bool one_socket = false;
  timeval timeout{1, 0};
};

int make_socket(const Exchange& exchange, int family) {
  const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &exchange.timeout, sizeof exchange.timeout);
  if (exchange.source.size > 0 && bind(fd, exchange.source.raw(), exchange.source.size) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

// 0, or the errno value of the step that failed.
int send_one(const Exchange& exchange, int fd, const Address& to, bool fresh, Report& report) {
  if (exchange.connected) {
    const std::uint64_t before = now_us();
    if (fresh && ::connect(fd, to.raw(), to.size) != 0) return errno;
    if (fresh) report.connect.add_us(now_us() - before);
    if (report.peers.size() < 16) {
      const auto peer = peer_of(fd);
      report.peers.insert(peer ? peer->text() : "none");
    }
  }
  const auto sent = exchange.connected
                        ? send(fd, exchange.payload.data(), exchange.payload.size(), 0)
                        : sendto(fd, exchange.payload.data(), exchange.payload.size(), 0, to.raw(), to.size);
  if (sent < 0) return errno;
  report.sent_bytes += static_cast<std::uint64_t>(sent);
  return 0;
}

int receive_one(int fd, Report& report) {
  std::array<char, 65536> data;
  Address from;
  from.size = sizeof from.storage;
  ssize_t size = 0;
  do {  // the signal to stop ends the loop of exchanges, not this one
    size = recvfrom(fd, data.data(), data.size() - 1, 0, reinterpret_cast<sockaddr*>(&from.storage), &from.size);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return errno == EAGAIN ? ETIMEDOUT : errno;
  data[static_cast<std::size_t>(size)] = '\0';
  char server[64] = "";
  char client[80] = "";
  std::sscanf(data.data(), "%63s %79s", server, client);
  ++report.ok;
  ++report.servers[server];
  report.received_bytes += static_cast<std::uint64_t>(size);
  if (report.reply_sources.size() < 64) report.reply_sources.insert(from.text());
  if (const auto seen = parse_address(client); seen && report.clients.size() < 64) report.clients.insert(seen->host());
  return 0;
}

Exchange make_exchange(const Options& options) {
  Exchange exchange;
  exchange.to = parse_addresses(options.text("to"));
  if (exchange.to.empty()) usage_error("--to wants ADDR:PORT[,…]");
  if (options.has("v4-mapped")) std::transform(exchange.to.begin(), exchange.to.end(), exchange.to.begin(), mapped);
  if (options.has("source")) {
    const auto source = parse_address(options.text("source"));
    if (!source) usage_error("--source wants ADDR:PORT, port 0 for any");
    exchange.source = *source;
  }
  exchange.payload = "weft " + options.text("bytes-out", "0") + " " + options.text("bytes-in", "0") + "\n";
  const std::size_t size = options.number("bytes-out", 0);
  if (size > exchange.payload.size()) exchange.payload.resize(size, 'w');
  exchange.connected = options.has("connected");
  exchange.one_socket = options.has("one-socket");
  const double timeout_s = options.real("timeout", 1);
  exchange.timeout.tv_sec = static_cast<time_t>(timeout_s);
  exchange.timeout.tv_usec = static_cast<suseconds_t>((timeout_s - static_cast<double>(exchange.timeout.tv_sec)) * 1e6);
  return exchange;
}

}  // namespace

int exchange_datagrams(const Options& options) {
  const Exchange exchange = make_exchange(options);
  const double duration_s = options.real("duration", 0);
  const std::uint64_t count = options.number("count", duration_s > 0 ? UINT64_MAX : 1);
  const auto pause_us = static_cast<useconds_t>(options.real("interval-ms", 0) * 1000);
  Report report;
  const std::uint64_t begin = now_us();
  int fd = -1;
  for (std::uint64_t i = 0; i < count && !stop_requested(); ++i) {
    if (duration_s > 0 && static_cast<double>(now_us() - begin) >= duration_s * 1e6) break;
    const Address& to = exchange.to[i % exchange.to.size()];
    const bool fresh = fd < 0;
    if (fresh) fd = make_socket(exchange, to.family());
    const std::uint64_t started = now_us();
    int error = fd < 0 ? errno : send_one(exchange, fd, to, fresh, report);
    if (error == 0) {
      error = receive_one(fd, report);
      report.request.add_us(now_us() - started);
    }
    if (error != 0) report.fail(errno_name(error), now_us() - started);
    if (!exchange.one_socket && fd >= 0) {
      close(fd);
      fd = -1;
    }
    if (pause_us > 0) usleep(pause_us);
  }
  if (fd >= 0) close(fd);
  report.connections = report.ok;
  report.print(static_cast<double>(now_us() - begin) / 1e6);
  return report.exit_code();
}

}  // namespace weft::peer
