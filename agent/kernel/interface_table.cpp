#include "agent/kernel/interface_table.hpp"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <optional>

namespace weft {
namespace {

std::string text_of(Bytes value) {
  std::string text(reinterpret_cast<const char*>(value.data()), value.size());
  return text.substr(0, text.find('\0'));
}

struct Link {
  std::uint32_t index = 0;
  std::string kind;
  PodInterface veth;
};

std::optional<Link> parse_link(Bytes payload) {
  ifinfomsg head{};
  // Ports of a bridge are announced once more in the family of bridges: nothing about the interface itself.
  if (!read_fixed(payload, head) || head.ifi_family != AF_UNSPEC || head.ifi_index <= 0) return std::nullopt;
  Link link;
  link.index = static_cast<std::uint32_t>(head.ifi_index);
  auto rest = payload.subspan(std::min(netlink_aligned(sizeof head), payload.size()));
  for_each_attribute(rest, [&](std::uint16_t type, Bytes value) {
    if (type == IFLA_IFNAME) link.veth.name = text_of(value);
    if (type == IFLA_LINK) read_fixed(value, link.veth.peer_index);
    if (type == IFLA_LINK_NETNSID) read_fixed(value, link.veth.netns_id);
    if (type == IFLA_LINKINFO)
      for_each_attribute(value, [&](std::uint16_t part, Bytes inner) {
        if (part == IFLA_INFO_KIND) link.kind = text_of(inner);
      });
  });
  return link;
}

struct Address {
  std::uint32_t interface = 0;
  IpAddress address;
};

bool address_of(int family, Bytes value, IpAddress& into) {
  std::uint32_t v4 = 0;
  if (family == AF_INET6) return read_fixed(value, into.bytes);
  if (family != AF_INET || !read_fixed(value, v4)) return false;
  into = IpAddress::v4(ntohl(v4));
  return true;
}

std::optional<Address> parse_address(Bytes payload) {
  ifaddrmsg head{};
  if (!read_fixed(payload, head)) return std::nullopt;
  Address parsed{head.ifa_index, {}};
  bool found = false, local = false;
  auto rest = payload.subspan(std::min(netlink_aligned(sizeof head), payload.size()));
  for_each_attribute(rest, [&](std::uint16_t type, Bytes value) {
    // Of a point-to-point interface IFA_ADDRESS is the other end's.
    if (type == IFA_LOCAL) local = found = address_of(head.ifa_family, value, parsed.address) || found;
    if (type == IFA_ADDRESS && !local) found = address_of(head.ifa_family, value, parsed.address) || found;
  });
  if (!found) return std::nullopt;
  return parsed;
}

}  // namespace

const InterfaceTable::Addresses& InterfaceTable::addresses(std::int32_t netns_id) const {
  static const Addresses none;
  auto known = addresses_.find(netns_id);
  return known == addresses_.end() ? none : known->second;
}

bool InterfaceTable::apply(Bytes messages, std::int32_t netns_id) {
  return for_each_message(messages, [&](const nlmsghdr& header, Bytes payload) {
    bool own = netns_id == kOwnNamespace;
    if (own && header.nlmsg_type == RTM_NEWLINK) take_link(payload);
    if (own && header.nlmsg_type == RTM_DELLINK) drop_link(payload);
    if (!own && header.nlmsg_type == RTM_NEWADDR) take_address(payload, netns_id, true);
    if (!own && header.nlmsg_type == RTM_DELADDR) take_address(payload, netns_id, false);
  });
}

void InterfaceTable::forget_addresses(std::int32_t netns_id) {
  if (auto known = addresses_.find(netns_id); known != addresses_.end()) known->second.clear();
}

void InterfaceTable::take_link(Bytes payload) {
  auto link = parse_link(payload);
  if (!link || link->kind != "veth") return;
  auto known = interfaces_.find(link->index);
  if (known == interfaces_.end() && interfaces_.size() >= kMostVeths) return;
  auto before = known == interfaces_.end() ? kOwnNamespace : known->second.netns_id;
  interfaces_[link->index] = link->veth;
  auto now = link->veth.netns_id;
  if (now == before) return;
  // A number may have been another namespace's before.
  if (now != kOwnNamespace) {
    addresses_.try_emplace(now);
    unread_.insert(now);
  }
  drop_unused(before);
}

void InterfaceTable::drop_link(Bytes payload) {
  auto link = parse_link(payload);
  if (!link) return;
  // The other half went to another namespace: the kernel tells that of the half that went only.
  for (const auto& [index, veth] : interfaces_)
    if (veth.netns_id == kOwnNamespace && veth.peer_index == link->index) doubtful_.insert(index);
  auto known = interfaces_.find(link->index);
  if (known == interfaces_.end()) return;
  auto netns_id = known->second.netns_id;
  interfaces_.erase(known);
  drop_unused(netns_id);
}

void InterfaceTable::drop_unused(std::int32_t netns_id) {
  bool used = std::any_of(interfaces_.begin(), interfaces_.end(),
                          [&](const auto& entry) { return entry.second.netns_id == netns_id; });
  if (used) return;
  addresses_.erase(netns_id);
  unread_.erase(netns_id);
}

void InterfaceTable::take_address(Bytes payload, std::int32_t netns_id, bool present) {
  auto known = addresses_.find(netns_id);
  auto parsed = parse_address(payload);
  if (known == addresses_.end() || !parsed) return;
  if (!present)
    known->second.erase({parsed->interface, parsed->address});
  else if (known->second.size() < kMostNamespaceAddresses)
    known->second.emplace(parsed->interface, parsed->address);
}

}  // namespace weft
