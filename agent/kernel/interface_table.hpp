// Which interfaces of ours are one half of a veth pair whose other half is in another network namespace, and which
// addresses that namespace has. Follows rtnetlink messages; pure, for any bytes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/kernel/netlink.hpp"

namespace weft {

inline constexpr std::size_t kMostVeths = 65536;
// Of one namespace: whoever is root in it can add addresses without end, and a pod has few.
inline constexpr std::size_t kMostNamespaceAddresses = 256;

// The half of a veth pair that is ours.
struct PodInterface {
  std::string name;
  std::int32_t netns_id = kOwnNamespace;  // of the other half, as our namespace numbers it
  std::uint32_t peer_index = 0;           // there
  bool operator==(const PodInterface&) const = default;
};

class InterfaceTable {
 public:
  using Addresses = std::set<std::pair<std::uint32_t, IpAddress>>;  // by interface there

  // Messages of our namespace or of another that has a number here. Returns false when they are malformed; what was
  // whole before has been taken.
  bool apply(Bytes messages, std::int32_t netns_id);
  // An answer to RTM_GETADDR of a namespace begins: what is known of it is void.
  void forget_addresses(std::int32_t netns_id);

  const std::map<std::uint32_t, PodInterface>& interfaces() const { return interfaces_; }
  const Addresses& addresses(std::int32_t netns_id) const;

  // What the messages did not tell and has to be asked for; taken once.
  std::set<std::int32_t> take_unread_namespaces() { return std::exchange(unread_, {}); }
  std::set<std::uint32_t> take_doubtful_interfaces() { return std::exchange(doubtful_, {}); }

 private:
  void take_link(Bytes payload);
  void drop_link(Bytes payload);
  void take_address(Bytes payload, std::int32_t netns_id, bool present);
  void drop_unused(std::int32_t netns_id);

  std::map<std::uint32_t, PodInterface> interfaces_;  // by index; veths only
  std::map<std::int32_t, Addresses> addresses_;       // of the namespaces that interfaces_ name
  std::set<std::int32_t> unread_;
  std::set<std::uint32_t> doubtful_;
};

}  // namespace weft
