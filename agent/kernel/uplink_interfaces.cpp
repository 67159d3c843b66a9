#include "agent/kernel/uplink_interfaces.hpp"

#include <fnmatch.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>

#include "agent/kernel/netlink.hpp"

namespace weft {
namespace {

constexpr std::size_t kDatagram = 32 << 10;  // of an announcement
constexpr int kMostDatagrams = 1024;         // of one turn
constexpr std::string_view kLoopback = "lo";

}  // namespace

Result<UplinkInterfaces> UplinkInterfaces::open(std::vector<std::string> globs) {
  UplinkInterfaces interfaces;
  interfaces.globs_ = std::move(globs);
  interfaces.watcher_ = Fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl self{};
  self.nl_family = AF_NETLINK;
  self.nl_groups = RTMGRP_LINK;
  if (!interfaces.watcher_ || ::bind(interfaces.watcher_.get(), reinterpret_cast<sockaddr*>(&self), sizeof self) != 0)
    return fail_errno(errno, "listen for interfaces");
  interfaces.read_all();
  return interfaces;
}

bool UplinkInterfaces::matches(const std::string& name) const {
  return name != kLoopback && std::ranges::any_of(globs_, [&](const std::string& glob) {
           return ::fnmatch(glob.c_str(), name.c_str(), 0) == 0;
         });
}

void UplinkInterfaces::read_all() {
  interfaces_.clear();
  auto* list = ::if_nameindex();
  if (list == nullptr) return;
  for (const auto* entry = list; entry->if_index != 0; ++entry)
    if (matches(entry->if_name)) interfaces_.emplace(entry->if_index, entry->if_name);
  ::if_freenameindex(list);
}

// Interfaces of pods come and go by the hundred: what is none of ours costs no dump.
bool UplinkInterfaces::concerns_us(std::span<const std::byte> messages) const {
  bool concerns = false;
  for_each_message(messages, [&](const nlmsghdr& header, Bytes payload) {
    ifinfomsg info{};
    if ((header.nlmsg_type != RTM_NEWLINK && header.nlmsg_type != RTM_DELLINK) || !read_fixed(payload, info)) return;
    auto known = interfaces_.find(static_cast<std::uint32_t>(info.ifi_index));
    for_each_attribute(payload.subspan(std::min(netlink_aligned(sizeof info), payload.size())), [&](std::uint16_t type,
                                                                                                    Bytes value) {
      if (type != IFLA_IFNAME || value.empty()) return;
      std::string name(reinterpret_cast<const char*>(value.data()), value.size() - 1);
      bool same = known != interfaces_.end() && known->second == name;
      concerns = concerns || (same ? header.nlmsg_type == RTM_DELLINK : known != interfaces_.end() || matches(name));
    });
  });
  return concerns;
}

bool UplinkInterfaces::on_readable() {
  std::vector<std::byte> buffer(kDatagram);
  bool changed = false;
  for (int i = 0; i < kMostDatagrams; ++i) {
    auto size = ::recv(watcher_.get(), buffer.data(), buffer.size(), MSG_TRUNC);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno != ENOBUFS) break;
    bool whole = size >= 0 && static_cast<std::size_t>(size) <= buffer.size();
    changed = changed || !whole || concerns_us(std::span(buffer).first(static_cast<std::size_t>(size)));
  }
  if (changed) read_all();
  return changed;
}

}  // namespace weft
