// Where nodes are and which addresses they have, from the Node objects and from the facts about this node.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/compile/compiled.hpp"

namespace weft {

struct NodePlace {
  std::string name;
  std::string zone;
  std::string region;
  std::vector<IpAddress> addresses;  // without loopback, link-local, multicast and unspecified ones; no duplicates
};

class Topology {
 public:
  struct Address {
    IpAddress address;
    const NodePlace* node;
    bool declared;  // by a Node object, not only found on an interface of this node
  };

  Topology(const Snapshot& snapshot, const NodeFacts& facts);

  const NodePlace& local() const { return *local_; }
  // Null for a node that no object describes.
  const NodePlace* find(const std::string& node) const;
  // Of this node first, then by node name; an address that two nodes claim is the first one's.
  const std::vector<Address>& addresses() const { return addresses_; }
  bool is_node_address(const IpAddress& address) const { return by_address_.contains(address); }

 private:
  void add_addresses(const NodePlace& place, const std::set<IpAddress>& declared);

  std::map<std::string, NodePlace> places_;
  const NodePlace* local_ = nullptr;
  std::vector<Address> addresses_;
  std::unordered_map<IpAddress, const NodePlace*> by_address_;
};

}  // namespace weft
