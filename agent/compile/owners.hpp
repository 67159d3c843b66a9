// Who owns which address, and which processes belong to which Workload.
#pragma once

#include "agent/compile/compiled.hpp"
#include "agent/compile/id_giver.hpp"
#include "agent/compile/topology.hpp"

namespace weft {

// All claims to addresses, and for each key the best of them. Claims of one key are settled in this order: a node (its
// identity is HOST), a pod that runs, a pod that is being deleted, a Workload; among equals the first by namespace and
// name. Pods in the host's network and Workloads on node addresses own their declared ports only; other Workloads also
// own the rest of their address.
class OwnerTable {
 public:
  // Forgets everything; for another topology.
  void reset(const Topology& topology, NameGivers& givers);
  // Looks only at pods and Workloads that changed since the last call.
  void update(const Snapshot& snapshot, const Topology& topology, NameGivers& givers);
  std::vector<OwnerRow> rows() const;  // sorted by key, one row a key

  // A pod may have an address that is found on an interface here, but not one that a Node object declares.
  enum class Rank : std::uint8_t { kNode, kPod, kDeletingPod, kWorkload, kInterface };
  struct Claim {
    weft_owner_key key;
    weft_owner row;
    Rank rank;
    const Metadata* object;  // in the snapshot that the table was made from
  };
  using Claims = std::vector<Claim>;

 private:
  Claims claims_;  // sorted, the best of a key first
  ShardedMap<std::shared_ptr<const Pod>> pods_;
  ShardedMap<std::shared_ptr<const Workload>> workloads_;
};

// Of the Workloads of this node that say which processes they are, by name.
std::vector<ProcessOwner> compile_processes(const Snapshot& snapshot, const Topology& topology, NameGivers& givers);

}  // namespace weft
