// The smallest policy that allows one connection.
#pragma once

#include <string>

#include "agent/compile/policy_explain.hpp"

namespace weft {

// A NetworkPolicy for the subject of a default denial.
std::string suggest_network_policy(const PolicyCase& what);
// A ClusterNetworkPolicy that decides before `denying`; empty when nothing comes before it, or no rule can name the
// peer.
std::string suggest_cluster_policy(const PolicyCase& what, const Policy& denying);

}  // namespace weft
