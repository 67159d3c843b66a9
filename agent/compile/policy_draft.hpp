// The least that policies must allow so that what was seen goes on: one NetworkPolicy for each workload.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/compile/compiled.hpp"
#include "agent/model/seen.hpp"

namespace weft {

struct PolicyDraft {
  NamespacedName workload;
  std::string manifest;             // empty: see `problem`
  std::string problem;              // why there is none: its pods have no label that all of them have
  std::uint64_t connections = 0;    // that it allows
  std::uint64_t inexpressible = 0;  // of protocols that a NetworkPolicy cannot name
};

// Of allowed connections; in the order of the workloads' names. Peers are labels that all pods of the peer had, blocks
// where there is no workload. `wanted`: namespace and name, each empty for all.
std::vector<PolicyDraft> draft_policies(std::span<const SeenConnections> seen, const NodeFacts& facts,
                                        const NamespacedName& wanted);

// The fewest blocks that hold the addresses: single ones while there are at most `most` a family, wider ones then.
std::vector<std::string> covering_blocks(const std::vector<IpAddress>& addresses, std::size_t most);

}  // namespace weft
