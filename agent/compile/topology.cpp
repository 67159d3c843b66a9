#include "agent/compile/topology.hpp"

#include <algorithm>

namespace weft {
namespace {

bool is_reachable(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() && !address.is_link_local() && !address.is_multicast();
}

void append_reachable(std::vector<IpAddress>& to, const std::vector<IpAddress>& from) {
  for (const auto& address : from)
    if (is_reachable(address) && std::find(to.begin(), to.end(), address) == to.end()) to.push_back(address);
}

}  // namespace

Topology::Topology(const Snapshot& snapshot, const NodeFacts& facts) {
  auto& here = places_[facts.name];
  here = {facts.name, facts.zone, facts.region, {}};
  append_reachable(here.addresses, facts.addresses);
  std::set<IpAddress> declared;
  snapshot.nodes.for_each([&](const NamespacedName& name, const std::shared_ptr<const Node>& node) {
    auto& place = places_[name.second];
    place.name = name.second;
    if (place.zone.empty()) place.zone = node->zone;
    if (place.region.empty()) place.region = node->region;
    append_reachable(place.addresses, node->addresses);
    declared.insert(node->addresses.begin(), node->addresses.end());
  });
  local_ = &here;
  add_addresses(here, declared);
  for (const auto& [name, place] : places_)
    if (&place != local_) add_addresses(place, declared);
}

const NodePlace* Topology::find(const std::string& node) const {
  auto it = places_.find(node);
  return it == places_.end() ? nullptr : &it->second;
}

void Topology::add_addresses(const NodePlace& place, const std::set<IpAddress>& declared) {
  for (const auto& address : place.addresses)
    if (by_address_.emplace(address, &place).second)
      addresses_.push_back({address, &place, declared.contains(address)});
}

}  // namespace weft
