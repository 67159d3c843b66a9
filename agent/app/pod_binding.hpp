// Which interface belongs to which pod of this node. Pure: from the interfaces that the kernel tells, the pods that the
// sources tell, and what was decided before.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/kernel/interface_table.hpp"
#include "agent/kernel/pod_tables.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

// A pod of this node with a namespace and addresses of its own.
struct LocalPod {
  std::string uid;
  std::string workload;  // its owner's name
  std::set<IpAddress> addresses;
  bool operator==(const LocalPod&) const = default;
};

class LocalPods {
 public:
  // Follows what differs between two snapshots; true when a local pod does.
  bool update(const Snapshot& before, const Snapshot& now, const std::string& node);

  const std::map<NamespacedName, LocalPod>& all() const { return pods_; }
  const LocalPod* find(const NamespacedName& name) const;
  // The first by name: several claim an address only while one of them is going.
  const NamespacedName* find_owner(const IpAddress& address) const;

 private:
  void put(const NamespacedName& name, const LocalPod& pod);
  void erase(const NamespacedName& name);

  std::map<NamespacedName, LocalPod> pods_;
  std::set<std::pair<IpAddress, NamespacedName>> by_address_;
};

struct Binding {
  std::int32_t netns_id = kOwnNamespace;
  NamespacedName pod;
  std::string uid;
  bool operator==(const Binding&) const = default;
};
using Bindings = std::map<std::uint32_t, Binding>;  // by interface

// An interface stays with its pod for as long as both live, whatever addresses somebody in the namespace adds or
// removes: who is root there must neither get rid of the programs nor take another pod's place. `rows`: what an earlier
// agent wrote. While sources are read (`all_known` is false) nothing is taken from a pod that is not known yet.
Bindings bind_interfaces(const Bindings& before, const PodRows& rows, const InterfaceTable& table,
                         const LocalPods& pods, bool all_known);

}  // namespace weft
