#include "agent/kernel/netlink_socket.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

namespace weft {
namespace {

constexpr int kMostAnswers = 1 << 20;  // datagrams of one dump

std::int32_t namespace_of(const msghdr& message) {
  std::int32_t id = kOwnNamespace;
  for (auto* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(const_cast<msghdr*>(&message), part))
    if (part->cmsg_level == SOL_NETLINK && part->cmsg_type == NETLINK_LISTEN_ALL_NSID &&
        part->cmsg_len >= CMSG_LEN(sizeof id))
      std::memcpy(&id, CMSG_DATA(part), sizeof id);
  return id;
}

}  // namespace

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

Result<RouteAsker> RouteAsker::open() {
  auto fd = WEFT_TRY(open_route_socket(0, 0));
  int on = 1;
  if (::setsockopt(fd.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on) != 0)
    return fail_errno(errno, "ask netlink for strict answers (Linux 4.20)");
  timeval limit{1, 0};
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return RouteAsker(std::move(fd));
}

NetlinkDatagram receive_netlink(int fd, std::span<std::byte> buffer) {
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

Result<> RouteAsker::ask(nlmsghdr& request, const std::function<void(Bytes)>& take) {
  auto sequence = request.nlmsg_seq = ++sequence_;
  if (::send(socket_.get(), &request, request.nlmsg_len, 0) < 0) return fail_errno(errno, "ask netlink");
  std::vector<std::byte> buffer(kDatagram);
  bool interrupted = false;
  for (int i = 0; i < kMostAnswers; ++i) {
    auto received = receive_netlink(socket_.get(), buffer);
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

}  // namespace weft
