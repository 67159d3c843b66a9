// Sockets of rtnetlink (rtnetlink(7)): what the kernel announces, and its answers to questions.
#pragma once

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <functional>
#include <span>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/netlink.hpp"

namespace weft {

inline constexpr std::size_t kDatagram = 128
                                         << 10;  // the kernel sends at most 32 KiB, and more only to who asks with more

Result<Fd> open_route_socket(int flags, std::uint32_t groups);
struct NetlinkDatagram {
  Bytes bytes;  // of `buffer`; empty when somebody else than the kernel sent it
  std::int32_t netns_id = kOwnNamespace;
  int problem = 0;  // errno; ENOBUFS: something was lost
};
NetlinkDatagram receive_netlink(int fd, std::span<std::byte> buffer);

// Questions, one after the other, with strict checks (Linux 4.20). Nothing is waited for longer than a second.
class RouteAsker {
 public:
  static Result<RouteAsker> open();
  // Hands on the messages of the answer, a datagram at a time. EINTR: the dump is inconsistent.
  Result<> ask(nlmsghdr& request, const std::function<void(Bytes)>& take);

 private:
  explicit RouteAsker(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
  std::uint32_t sequence_ = 0;
};

}  // namespace weft
