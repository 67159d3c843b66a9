// What is wrong with policies taken together with the workloads that they are about. Part of analyze.hpp.
#pragma once

#include <vector>

#include "agent/model/snapshot.hpp"

namespace weft {

void analyze_policies(const Snapshot& snapshot, std::vector<Diagnostic>& out);

}  // namespace weft
