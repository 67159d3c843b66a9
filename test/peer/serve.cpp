// The server: TCP requests (HTTP/1.1 keep-alive or `weft OUT IN`) and datagrams, one thread, one epoll.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <unordered_map>

#include "test/peer/modes.hpp"
#include "test/peer/net.hpp"
#include "test/peer/options.hpp"
#include "test/peer/report.hpp"

namespace weft::peer {
namespace {

constexpr std::size_t kHeaderLimit = 16 * 1024;  // a request whose header is longer ends its connection
constexpr std::size_t kChunk = 64 * 1024;

struct Connection {
  std::string client;
  std::string header;      // of the request that is being read
  std::uint64_t body = 0;  // bytes of the request still to come
  std::string answer;      // header of the answer not yet written
  std::uint64_t fill = 0;  // bytes of the answer to write after its header
  std::string prepared;    // answer to the request whose body is being read
  std::uint64_t prepared_fill = 0;
  bool input_ended = false;
  bool closing = false;  // close when the answer is out
  bool waiting = false;  // EPOLLOUT is on
};

struct Settings {
  std::string name;
  bool banner = false;
  bool close_after_answer = false;
  bool reset = false;
};

struct Totals {
  std::uint64_t accepted = 0;
  std::uint64_t requests = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t sent_bytes = 0;
  std::map<std::string, std::uint64_t> clients;
};

class Server {
 public:
  explicit Server(Settings settings) : settings_(std::move(settings)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  bool listen_stream(const Address& address);
  bool listen_datagram(const Address& address);
  void run(double drain_s);
  void print() const;

 private:
  void watch(int fd, std::uint32_t events, int operation);
  void accept_all(int listener);
  void answer_datagrams(int fd);
  void on_event(int fd, std::uint32_t events);
  bool read_some(int fd, Connection& connection);
  void take_input(Connection& connection, const char* data, std::size_t size);
  void take_header(Connection& connection);
  void finish_request(Connection& connection);
  bool write_some(int fd, Connection& connection);
  void close_connection(int fd);
  void stop_listening();

  Settings settings_;
  int epoll_;
  std::vector<int> listeners_;
  std::vector<int> datagram_fds_;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
  Totals totals_;
};

const std::string& filler() {
  static const std::string bytes(kChunk, 'w');
  return bytes;
}

int bind_socket(const Address& address, int type) {
  const int fd = socket(address.family(), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (address.family() == AF_INET6) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, address.host() == "::" ? 0 : 1);
  if (bind(fd, address.raw(), address.size) == 0) return fd;
  std::fprintf(stderr, "weft-peer: bind %s: %s\n", address.text().c_str(), std::strerror(errno));
  close(fd);
  return -1;
}

bool Server::listen_stream(const Address& address) {
  const int fd = bind_socket(address, SOCK_STREAM);
  if (fd < 0) return false;
  set_option(fd, IPPROTO_TCP, TCP_FASTOPEN, 1024);
  if (listen(fd, 65535) != 0) return false;
  watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  listeners_.push_back(fd);
  return true;
}

bool Server::listen_datagram(const Address& address) {
  const int fd = bind_socket(address, SOCK_DGRAM);
  if (fd < 0) return false;
  watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  datagram_fds_.push_back(fd);
  return true;
}

void Server::watch(int fd, std::uint32_t events, int operation) {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_, operation, fd, &event);
}

void Server::accept_all(int listener) {
  while (true) {
    Address from;
    from.size = sizeof from.storage;
    const int fd =
        accept4(listener, reinterpret_cast<sockaddr*>(&from.storage), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    ++totals_.accepted;
    ++totals_.clients[from.host()];
    auto connection = std::make_unique<Connection>();
    connection->client = from.text();
    if (settings_.banner) connection->answer = settings_.name + " " + connection->client + " 0\n";
    auto& kept = *(connections_[fd] = std::move(connection));
    watch(fd, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
    if (!kept.answer.empty() && !write_some(fd, kept)) close_connection(fd);
  }
}

void Server::answer_datagrams(int fd) {
  std::array<char, kChunk> data;
  while (true) {
    Address from;
    from.size = sizeof from.storage;
    const auto size =
        recvfrom(fd, data.data(), data.size() - 1, 0, reinterpret_cast<sockaddr*>(&from.storage), &from.size);
    if (size < 0) return;
    data[static_cast<std::size_t>(size)] = '\0';
    unsigned out = 0;
    unsigned in = 0;
    std::sscanf(data.data(), "weft %u %u", &out, &in);
    std::string answer = settings_.name + " " + from.text() + "\n";
    if (answer.size() < in) answer.resize(std::min<std::size_t>(in, 60'000), 'w');
    ++totals_.requests;
    ++totals_.clients[from.host()];
    totals_.received_bytes += static_cast<std::uint64_t>(size);
    const auto sent = sendto(fd, answer.data(), answer.size(), 0, from.raw(), from.size);
    if (sent > 0) totals_.sent_bytes += static_cast<std::uint64_t>(sent);
  }
}

// False when the connection is over.
bool Server::read_some(int fd, Connection& connection) {
  std::array<char, kChunk> data;
  // An answer that the client does not read stops the reading of its requests.
  while (connection.answer.empty() && connection.fill == 0 && !connection.input_ended) {
    const auto size = read(fd, data.data(), data.size());
    if (size < 0) return errno == EAGAIN;
    if (size == 0) {
      connection.input_ended = true;
      break;
    }
    totals_.received_bytes += static_cast<std::uint64_t>(size);
    take_input(connection, data.data(), static_cast<std::size_t>(size));
    if (connection.header.size() > kHeaderLimit || !write_some(fd, connection)) return false;
  }
  return !(connection.input_ended && connection.answer.empty() && connection.fill == 0);
}

void Server::take_input(Connection& connection, const char* data, std::size_t size) {
  const auto skipped = std::min<std::uint64_t>(size, connection.body);
  connection.body -= skipped;
  if (skipped > 0 && connection.body == 0) finish_request(connection);
  connection.header.append(data + skipped, size - skipped);
  while (connection.body == 0 && !connection.header.empty()) {
    const std::size_t before = connection.header.size();
    take_header(connection);
    if (connection.header.size() == before) return;  // incomplete
  }
}

void Server::take_header(Connection& connection) {
  std::string& header = connection.header;
  const bool raw = header.starts_with("weft ");
  const std::string_view ending = raw ? "\n" : "\r\n\r\n";
  const std::size_t found = header.find(ending);
  if (found == std::string::npos) return;
  const std::string request = header.substr(0, found + ending.size());
  unsigned long long out = 0;
  unsigned long long in = 0;
  if (raw) {
    std::sscanf(request.c_str(), "weft %llu %llu", &out, &in);
    connection.prepared = settings_.name + " " + connection.client + " " + std::to_string(in) + "\n";
    connection.prepared_fill = in;
  } else {
    const std::size_t length = request.find("Content-Length: ");
    if (length != std::string::npos) out = std::strtoull(request.c_str() + length + 16, nullptr, 10);
    connection.prepared = "HTTP/1.1 200 OK\r\nServer: " + settings_.name + "\r\nX-Client: " + connection.client +
                          "\r\nContent-Length: " + std::to_string(settings_.name.size() + 1) +
                          (settings_.close_after_answer ? "\r\nConnection: close" : "") + "\r\n\r\n" + settings_.name +
                          "\n";
    connection.prepared_fill = 0;
  }
  const std::uint64_t here = std::min<std::uint64_t>(out, header.size() - request.size());
  header.erase(0, request.size() + here);
  connection.body = out - here;
  if (connection.body == 0) finish_request(connection);
}

void Server::finish_request(Connection& connection) {
  ++totals_.requests;
  connection.answer += connection.prepared;
  connection.fill += connection.prepared_fill;
  connection.closing = connection.closing || settings_.close_after_answer || settings_.reset;
}

// False when the connection is over.
bool Server::write_some(int fd, Connection& connection) {
  if (settings_.reset && connection.closing) {
    const linger at_once{1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    return false;
  }
  while (!connection.answer.empty() || connection.fill > 0) {
    if (connection.answer.size() < kChunk && connection.fill > 0) {
      const auto more = std::min<std::uint64_t>(connection.fill, kChunk);
      connection.answer.append(filler(), 0, more);
      connection.fill -= more;
    }
    const auto size = send(fd, connection.answer.data(), connection.answer.size(), MSG_NOSIGNAL);
    if (size < 0 && errno != EAGAIN) return false;
    if (size < 0) break;
    totals_.sent_bytes += static_cast<std::uint64_t>(size);
    connection.answer.erase(0, static_cast<std::size_t>(size));
  }
  const bool waiting = !connection.answer.empty();
  if (waiting != connection.waiting) {
    watch(fd, waiting ? EPOLLOUT : EPOLLIN | EPOLLRDHUP, EPOLL_CTL_MOD);
    connection.waiting = waiting;
  }
  return waiting || !connection.closing;
}

void Server::close_connection(int fd) {
  connections_.erase(fd);
  close(fd);
}

void Server::on_event(int fd, std::uint32_t events) {
  if (std::find(listeners_.begin(), listeners_.end(), fd) != listeners_.end()) return accept_all(fd);
  if (std::find(datagram_fds_.begin(), datagram_fds_.end(), fd) != datagram_fds_.end()) return answer_datagrams(fd);
  const auto found = connections_.find(fd);
  if (found == connections_.end()) return;
  Connection& connection = *found->second;
  if ((events & EPOLLERR) != 0 || !write_some(fd, connection) || !read_some(fd, connection)) close_connection(fd);
}

void Server::stop_listening() {
  for (const int fd : listeners_) close(fd);
  listeners_.clear();
}

void Server::run(double drain_s) {
  std::uint64_t end_us = 0;  // after SIGTERM: serve for the drain time, then until the last connection is closed
  std::array<epoll_event, 512> events;
  while (true) {
    if (stop_requested() && end_us == 0) end_us = now_us() + static_cast<std::uint64_t>(drain_s * 1e6);
    if (end_us != 0 && now_us() >= end_us) {
      stop_listening();
      if (connections_.empty() || drain_s == 0) return;
    }
    const int count = epoll_wait(epoll_, events.data(), static_cast<int>(events.size()), 20);
    for (int i = 0; i < count; ++i) on_event(events[i].data.fd, events[i].events);
  }
}

void Server::print() const {
  std::printf(
      "{\"name\":%s,\"accepted\":%llu,\"requests\":%llu,\"received_bytes\":%llu,\"sent_bytes\":%llu,\"clients\":%s}\n",
      json_string(settings_.name).c_str(), static_cast<unsigned long long>(totals_.accepted),
      static_cast<unsigned long long>(totals_.requests), static_cast<unsigned long long>(totals_.received_bytes),
      static_cast<unsigned long long>(totals_.sent_bytes), json_counts(totals_.clients).c_str());
}

}  // namespace

int serve(int argc, char** argv) {
  const Options options(argc, argv, {"listen", "name", "drain"},
                        {"udp", "http", "banner", "close-after-answer", "reset"});
  const auto addresses = parse_addresses(options.text("listen"));
  if (addresses.empty()) usage_error("--listen wants ADDR:PORT[,…]");
  install_stop_signals();
  Server server({.name = options.text("name", "peer"),
                 .banner = options.has("banner"),
                 .close_after_answer = options.has("close-after-answer"),
                 .reset = options.has("reset")});
  for (const Address& address : addresses) {
    if (!(options.has("udp") ? server.listen_datagram(address) : server.listen_stream(address))) return 1;
  }
  std::puts("ready");
  std::fflush(stdout);
  server.run(options.real("drain", 0));
  server.print();
  return 0;
}

}  // namespace weft::peer
