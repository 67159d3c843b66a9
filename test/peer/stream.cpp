// Long-lived connections that exchange a small message every few milliseconds: what restarts and upgrades must not
// disturb.
#include <netinet/in.h>
#include <netinet/tcp.h>
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

constexpr std::uint64_t kGap_us = 50'000;  // an answer slower than this is a gap

struct Totals {
  std::uint64_t echoes = 0;
  std::uint64_t gaps = 0;
  std::uint64_t longest_us = 0;
  std::uint64_t sent_bytes = 0;
  std::uint64_t received_bytes = 0;
  std::map<std::string, std::uint64_t> failed;
  std::map<std::string, std::uint64_t> servers;
};

int open_stream(const Address& to, std::uint64_t timeout_s) {
  const int fd = socket(to.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  const timeval limit{static_cast<time_t>(timeout_s), 0};
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (::connect(fd, to.raw(), to.size) == 0) return fd;
  const int error = errno;
  close(fd);
  errno = error;
  return -1;
}

// Sends one request and reads its whole answer: false with errno when the connection broke.
bool exchange(int fd, const std::string& request, std::uint64_t bytes, Totals& totals) {
  if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return false;
  totals.sent_bytes += request.size();
  std::string answer;
  std::array<char, 4096> data;
  while (true) {
    const std::size_t line = answer.find('\n');
    if (line != std::string::npos && answer.size() >= line + 1 + bytes) break;
    const auto size = recv(fd, data.data(), data.size(), 0);
    if (size == 0) errno = EPIPE;
    if (size <= 0) return false;
    totals.received_bytes += static_cast<std::uint64_t>(size);
    answer.append(data.data(), static_cast<std::size_t>(size));
  }
  ++totals.servers[answer.substr(0, answer.find(' '))];
  return true;
}

void print(const Totals& totals, std::size_t open, double seconds) {
  std::printf(
      "{\"echoes\":%llu,\"open\":%zu,\"gaps\":%llu,\"longest_us\":%llu,\"sent_bytes\":%llu,\"received_bytes\":%llu,"
      "\"failed\":%s,\"servers\":%s,\"seconds\":%.3f}\n",
      static_cast<unsigned long long>(totals.echoes), open, static_cast<unsigned long long>(totals.gaps),
      static_cast<unsigned long long>(totals.longest_us), static_cast<unsigned long long>(totals.sent_bytes),
      static_cast<unsigned long long>(totals.received_bytes), json_counts(totals.failed).c_str(),
      json_counts(totals.servers).c_str(), seconds);
}

}  // namespace

int stream(int argc, char** argv) {
  const Options options(argc, argv, {"to", "streams", "duration", "interval-ms", "bytes", "timeout"}, {"v4-mapped"});
  auto to = parse_addresses(options.text("to"));
  if (to.empty()) usage_error("--to wants ADDR:PORT[,…]");
  if (options.has("v4-mapped")) std::transform(to.begin(), to.end(), to.begin(), mapped);
  install_stop_signals();
  const std::uint64_t bytes = options.number("bytes", 64);
  const std::string request =
      "weft " + std::to_string(bytes) + " " + std::to_string(bytes) + "\n" + std::string(bytes, 'w');
  Totals totals;
  std::vector<int> fds;
  for (std::uint64_t i = 0; i < options.number("streams", 1); ++i) {
    const int fd = open_stream(to[i % to.size()], options.number("timeout", 5));
    fd < 0 ? static_cast<void>(++totals.failed[errno_name(errno)]) : fds.push_back(fd);
  }
  std::puts("ready");
  std::fflush(stdout);
  const std::uint64_t begin = now_us();
  const auto end =
      options.has("duration") ? begin + static_cast<std::uint64_t>(options.real("duration", 0) * 1e6) : UINT64_MAX;
  while (!stop_requested() && now_us() < end && !fds.empty()) {
    for (auto fd = fds.begin(); fd != fds.end();) {
      const std::uint64_t before = now_us();
      const bool ok = exchange(*fd, request, bytes, totals);
      const std::uint64_t taken = now_us() - before;
      totals.longest_us = std::max(totals.longest_us, taken);
      totals.gaps += taken > kGap_us ? 1 : 0;
      if (ok) {
        ++totals.echoes;
        ++fd;
      } else if (errno == EINTR && stop_requested()) {
        break;
      } else {
        ++totals.failed[errno_name(errno == EAGAIN ? ETIMEDOUT : errno)];
        close(*fd);
        fd = fds.erase(fd);
      }
    }
    usleep(static_cast<useconds_t>(options.real("interval-ms", 5) * 1000));
  }
  print(totals, fds.size(), static_cast<double>(now_us() - begin) / 1e6);
  for (const int fd : fds) close(fd);
  return totals.failed.empty() ? 0 : 1;
}

}  // namespace weft::peer
