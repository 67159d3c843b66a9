#include "agent/kernel/pod_interfaces.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

namespace weft {
namespace {

constexpr int kWatcherBytes = 16 << 20;  // 600 veths in one batch overran the default
constexpr int kMostDatagrams = 1024;     // of one turn
constexpr int kDumpAttempts = 5;         // while interfaces come and go
constexpr std::uint32_t kGroups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR;

Result<Fd> open_watcher(bool& hears_namespaces) {
  auto fd = WEFT_TRY(open_route_socket(SOCK_NONBLOCK, kGroups));
  int size = kWatcherBytes, on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0)
    (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  hears_namespaces = ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) == 0;
  return fd;
}

// A question with one attribute.
template <class Head>
struct Request {
  nlmsghdr header{};
  Head head{};
  nlattr attribute{};
  std::int32_t value = 0;

  Request() {
    header.nlmsg_len = sizeof *this;
    attribute.nla_len = sizeof attribute + sizeof value;
  }
};

}  // namespace

Result<PodInterfaces> PodInterfaces::open() {
  PodInterfaces interfaces(WEFT_TRY(RouteAsker::open()));
  interfaces.watcher_ = WEFT_TRY(open_watcher(interfaces.hears_namespaces_));
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
    read = asker_.ask(request.header, [&](Bytes bytes) { fresh.apply(bytes, kOwnNamespace); });
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
  auto read = asker_.ask(request.header, [&](Bytes bytes) { table_.apply(bytes, kOwnNamespace); });
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
    read = asker_.ask(request.header, [&](Bytes bytes) { table_.apply(bytes, netns_id); });
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
    auto received = receive_netlink(watcher_.get(), buffer);
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
