// Who owns which address, and which processes belong to which Workload.
#pragma once

#include "agent/compile/compiled.hpp"
#include "agent/compile/id_giver.hpp"
#include "agent/compile/topology.hpp"

namespace weft {

// Sorted by key, one row a key. Claims of one key are settled in this order: a node (its identity is HOST), a pod that
// runs, a pod that is being deleted, a Workload; among equals the first by namespace and name. Pods in the host's network
// and Workloads on node addresses own their declared ports only; other Workloads also own the rest of their address.
std::vector<OwnerRow> compile_owners(const Snapshot& snapshot, const Topology& topology, NameGivers& givers);

// Of the Workloads of this node that say which processes they are.
std::vector<ProcessOwner> compile_processes(const Snapshot& snapshot, const Topology& topology, NameGivers& givers);

}  // namespace weft
