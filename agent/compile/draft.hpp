// One service as it would be if no other service claimed its addresses: the first half of compiling it. claims.hpp
// tells which of its frontends it gets.
#pragma once

#include "agent/compile/compiled.hpp"
#include "agent/compile/id_giver.hpp"
#include "agent/compile/topology.hpp"

namespace weft {

// Frontends are sorted by key, no two have the same key; id is 0 when there are no ids left (then there are no
// frontends).
CompiledService draft_service(const Snapshot& snapshot, const Service& service, const Topology& topology,
                              NameGivers& givers);

ObjectKey service_object(const NamespacedName& name);

}  // namespace weft
