#include "agent/kernel/uplink_interfaces.hpp"

#include <fnmatch.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>

#include "agent/kernel/netlink_socket.hpp"

namespace weft {
namespace {

constexpr int kMostDatagrams = 1024;  // of one turn
constexpr std::string_view kLoopback = "lo";

}  // namespace

Result<UplinkInterfaces> UplinkInterfaces::open(std::vector<std::string> globs) {
  UplinkInterfaces interfaces;
  interfaces.globs_ = std::move(globs);
  interfaces.watcher_ = WEFT_TRY(open_route_socket(SOCK_NONBLOCK, RTMGRP_LINK));
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
    auto received = receive_netlink(watcher_.get(), buffer);
    if (received.problem == EINTR) continue;
    if (received.problem != 0 && received.problem != ENOBUFS) break;
    changed = changed || received.problem == ENOBUFS || concerns_us(received.bytes);
  }
  if (changed) read_all();
  return changed;
}

}  // namespace weft
