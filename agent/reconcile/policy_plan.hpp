// The tables of policy as values, and the writes that take the kernel from one state of them to another. Every prefix
// of a plan leaves each packet the old or the new policy: rows before the subjects that ask for them, subjects and
// networks before the addresses that name them, the order to look before the first subject, removals last.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "agent/reconcile/tables.hpp"
#include "weft/abi/policy.h"

namespace weft {

using PolicyEntry = std::pair<weft_policy_key, weft_policy>;
using PeerEntry = std::pair<weft_peer_key, weft_peer>;
using NetworkEntry = std::pair<weft_network_key, weft_network>;

// A dump of the maps.
struct PolicyDump {
  std::vector<PolicyEntry> rows;
  std::map<std::uint32_t, weft_subject> subjects;
  std::vector<PeerEntry> peers;
  std::vector<NetworkEntry> networks;
  weft_policy_state state{};
};

struct PutPolicyRows {
  std::vector<PolicyEntry> rows;
};
struct RemovePolicyRows {
  std::vector<weft_policy_key> keys;
};
struct PutSubject {
  std::uint32_t id;
  weft_subject row;
};
struct RemoveSubject {
  std::uint32_t id;
};
struct PutNetworks {
  std::vector<NetworkEntry> rows;
};
struct RemoveNetworks {
  std::vector<weft_network_key> keys;
};
struct PutPeers {
  std::vector<PeerEntry> rows;
};
struct RemovePeers {
  std::vector<weft_peer_key> keys;
};
struct PutPolicyState {
  weft_policy_state row;
};

using PolicyStep = std::variant<PutPolicyRows, RemovePolicyRows, PutSubject, RemoveSubject, PutNetworks, RemoveNetworks,
                                PutPeers, RemovePeers, PutPolicyState>;

struct PolicyPlan {
  std::vector<PolicyStep> steps;
  bool empty() const { return steps.empty(); }
};

}  // namespace weft
