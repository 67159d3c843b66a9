// What is wrong with objects taken together, beyond what decode and fold say about each: services that nobody serves,
// selectors and names that match nothing, addresses claimed twice, policies that do nothing. For `weft analyze` and for
// statuses.
#pragma once

#include <string>
#include <vector>

#include "agent/model/snapshot.hpp"

namespace weft {

// Sorted by object. Workloads without a node count as running on `local_node`, whatever its addresses are.
std::vector<Diagnostic> analyze(const Snapshot& snapshot, const std::string& local_node = {});

}  // namespace weft
