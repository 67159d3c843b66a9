// What other policies would mean for connections that were seen: each is decided by the tables of both sets of objects,
// compiled here, in the terms of the kernel (policy_lookup). Both sides of a connection are decided as if this node
// judged them. Pure; takes a while where there are many policies.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/compile/compiled.hpp"
#include "agent/compile/policy_tables.hpp"
#include "agent/model/seen.hpp"

namespace weft {

// Connections between the same two, to the same port, that the same rule decides.
struct TrialEdge {
  NamespacedName client;  // workload, or empty and the address
  NamespacedName server;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  std::uint64_t connections = 0;
  std::int64_t last_ns = 0;
  weft_direction direction = WEFT_INGRESS;
  std::optional<RuleName> rule;  // of the candidate when it denies, of what denies today when it allows
  std::string sentence;
};

struct Trial {
  std::vector<TrialEdge> newly_denied;  // most connections first
  std::vector<TrialEdge> newly_allowed;
  std::uint64_t connections = 0;  // all that were decided
  std::uint64_t newly_denied_connections = 0;
  std::uint64_t newly_allowed_connections = 0;
};

Trial try_policies(const Snapshot& now, const Snapshot& candidate, const NodeFacts& facts,
                   std::span<const SeenConnections> seen);

}  // namespace weft
