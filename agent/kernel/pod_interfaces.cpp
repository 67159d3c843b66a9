#include "agent/kernel/pod_interfaces.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <functional>

namespace weft {
namespace {

constexpr int kWatcherBytes = 16 << 20;       // 600 veths in one batch overran the default
constexpr std::size_t kDatagram = 128 << 10;  // the kernel sends at most 32 KiB, and more only to who asks with more
constexpr int kMostDatagrams = 1024;          // of one turn
constexpr int kMostAnswers = 1 << 20;         // of one dump
constexpr int kDumpAttempts = 5;              // while interfaces come and go
constexpr std::uint32_t kGroups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;

void set_option(int fd, int level, int name, int value) {
  (void)::setsockopt(fd, level, name, &value, sizeof value);  // who misses it is asked for by behaviour
}

Result<Fd> open_route_socket(int flags, std::uint32_t groups) {
  Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE));
  if (!fd) return fail_errno(errno, "open a netlink socket");
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = groups;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&self), sizeof self) != 0)
    return fail_errno(errno, "bind a netlink socket");
  return fd;
}

Result<Fd> open_watcher(bool& hears_namespaces) {
  auto fd = WEFT_TRY(open_route_socket(SOCK_NONBLOCK, kGroups));
  int size = kWatcherBytes, on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    set_option(fd.get(), SOL_SOCKET, SO_RCVBUF, size);
  hears_namespaces = ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) == 0;
  return fd;
}

Result<Fd> open_asker() {
  auto fd = WEFT_TRY(open_route_socket(0, 0));
  int on = 1;
  if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on) != 0)
    return fail_errno(errno, "ask netlink for strict answers (Linux 4.20)");
  timeval limit{1, 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return fd;
}

struct Received {
  Bytes bytes;
  std::int32_t netns_id = kOwnNamespace;
  int problem = 0;  // errno
};

std::int32_t namespace_of(const msghdr& message) {
  std::int32_t id = kOwnNamespace;
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part))
    if (part->cmsg_level == SOL_NETLINK && part->cmsg_type == NETLINK_LISTEN_ALL_NSID &&
        part->cmsg_len >= CMSG_LEN(sizeof id))
      std::memcpy(&id, CMSG_DATA(part), sizeof id);
  return id;
}

// What somebody else than the kernel sent is empty; what did not fit counts as lost.
Received receive(int fd, std::span<std::byte> buffer) {
  sockaddr_nl from{};
  iovec into{buffer.data(), buffer.size()};
  alignas(cmsghdr) std::array<char, 128> control{};
  msghdr message{&from, sizeof from, &into, 1, control.data(), control.size(), 0};
  auto size = ::recvmsg(fd, &message, 0);
  if (size < 0) return {{}, kOwnNamespace, errno};
  if ((message.msg_flags & MSG_TRUNC) != 0) return {{}, kOwnNamespace, ENOBUFS};
  if (from.nl_pid != 0) return {};
  return {buffer.first(static_cast<std::size_t>(size)), namespace_of(message), 0};
}

template <class Head>
struct Request {
  nlmsghdr header;
  Head head;
  nlattr attribute;
  std::int32_t value;
};

// Sends a request and hands on the messages of its answer, a datagram at a time. EINTR: the dump is inconsistent.
template <class Head>
Result<> ask(int fd, Request<Head>& request, std::uint32_t sequence, const std::function<void(Bytes)>& take) {
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_seq = sequence;
  request.attribute.nla_len = sizeof request.attribute + sizeof request.value;
  if (::send(fd, &request, sizeof request, 0) < 0) return fail_errno(errno, "ask netlink");
  std::vector<std::byte> buffer(kDatagram);
  bool interrupted = false;
  for (int i = 0; i < kMostAnswers; ++i) {
    auto received = receive(fd, buffer);
    if (received.problem == EINTR) continue;
    if (received.problem != 0) return fail_errno(received.problem, "read the answer of netlink");
    bool ended = false, stale = false;
    int problem = 0;
    for_each_message(received.bytes, [&](const nlmsghdr& header, Bytes payload) {
      std::int32_t code = 0;
      if (header.nlmsg_seq != sequence) stale = true;
      if (header.nlmsg_seq != sequence || (header.nlmsg_type != NLMSG_DONE && header.nlmsg_type != NLMSG_ERROR)) {
        interrupted = interrupted || (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
        return;
      }
      ended = true;
      if (read_fixed(payload, code) && code < 0) problem = -code;
    });
    if (stale) continue;  // of a question whose answer came too late
    take(received.bytes);
    if (!ended) continue;
    if (problem != 0) return fail_errno(problem, "netlink");
    return interrupted ? Result<>(fail_errno(EINTR, "netlink")) : Result<>();
  }
  return fail("netlink does not end its answer");
}

}  // namespace

Result<PodInterfaces> PodInterfaces::open() {
  PodInterfaces interfaces;
  interfaces.watcher_ = WEFT_TRY(open_watcher(interfaces.hears_namespaces_));
  interfaces.asker_ = WEFT_TRY(open_asker());
  WEFT_TRY(interfaces.read_all());
  return interfaces;
}

Result<> PodInterfaces::read_all() {
  Result<> read;
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    InterfaceTable fresh;
    Request<ifinfomsg> request{};
    request.header.nlmsg_type = RTM_GETLINK;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.attribute.nla_type = IFLA_EXT_MASK;
    request.value = RTEXT_FILTER_SKIP_STATS;
    read = ask(asker_.get(), request, ++sequence_, [&](Bytes bytes) { fresh.apply(bytes, kOwnNamespace); });
    if (!read && read.error().code != EINTR) return read;
    table_ = std::move(fresh);
    if (read) break;
  }
  return read_what_is_unknown();
}

Result<> PodInterfaces::read_link(std::uint32_t index) {
  Request<ifinfomsg> request{};
  request.header.nlmsg_type = RTM_GETLINK;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.head.ifi_index = static_cast<int>(index);
  request.attribute.nla_type = IFLA_EXT_MASK;
  request.value = RTEXT_FILTER_SKIP_STATS;
  auto read = ask(asker_.get(), request, ++sequence_, [&](Bytes bytes) { table_.apply(bytes, kOwnNamespace); });
  return read || read.error().code == ENODEV ? Result<>() : read;  // its end is announced
}

Result<> PodInterfaces::read_addresses(std::int32_t netns_id) {
  Result<> read;
  for (int attempt = 0; attempt < kDumpAttempts; ++attempt) {
    table_.forget_addresses(netns_id);
    Request<ifaddrmsg> request{};
    request.header.nlmsg_type = RTM_GETADDR;
    request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request.attribute.nla_type = IFA_TARGET_NETNSID;
    request.value = netns_id;
    read = ask(asker_.get(), request, ++sequence_, [&](Bytes bytes) { table_.apply(bytes, netns_id); });
    if (read || read.error().code != EINTR) break;
  }
  // EINVAL: the namespace is gone, and with it the interface, as will be announced.
  return read || read.error().code == EINVAL || read.error().code == EINTR ? Result<>() : read;
}

Result<> PodInterfaces::read_what_is_unknown() {
  for (auto index : table_.take_doubtful_interfaces()) WEFT_TRY(read_link(index));
  for (auto netns_id : table_.take_unread_namespaces()) WEFT_TRY(read_addresses(netns_id));
  return {};
}

Result<bool> PodInterfaces::on_readable() {
  std::vector<std::byte> buffer(kDatagram);
  bool overrun = false, more = true;
  for (int i = 0; i < kMostDatagrams; ++i) {
    auto received = receive(watcher_.get(), buffer);
    if (received.problem == EINTR) continue;
    if (received.problem == EAGAIN) {
      more = false;
      break;
    }
    if (received.problem != 0 && received.problem != ENOBUFS) return fail_errno(received.problem, "read netlink");
    overrun = overrun || received.problem == ENOBUFS;
    if (!overrun) overrun = !table_.apply(received.bytes, received.netns_id);
  }
  if (!overrun) {
    WEFT_TRY(read_what_is_unknown());
    return more;
  }
  ++overruns_;
  WEFT_TRY(read_all());
  return more;
}

}  // namespace weft
