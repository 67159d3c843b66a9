// Network policies as immutable values: NetworkPolicy (networking.k8s.io/v1) and ClusterNetworkPolicy
// (policy.networking.k8s.io/v1alpha2) in one form. "Everything" is always a flag, never an empty list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/cidr.hpp"
#include "agent/model/objects.hpp"

namespace weft {

enum class PolicyTier : std::uint8_t { kAdmin, kNetwork, kBaseline };  // in the order of evaluation
enum class RuleAction : std::uint8_t { kAccept, kDeny, kPass };
std::string_view tier_name(PolicyTier tier);
std::string_view action_name(RuleAction action);

// Pods and Workloads by their labels and those of their namespace.
struct PodSelection {
  std::optional<LabelSelector> namespaces;  // absent: the namespace of the policy
  LabelSelector pods;
  bool operator==(const PodSelection&) const = default;
};

struct NetworkBlock {
  Cidr cidr;
  std::vector<Cidr> except;
  bool operator==(const NetworkBlock&) const = default;
};

struct NodeSelection {
  LabelSelector nodes;
  bool operator==(const NodeSelection&) const = default;
};

using PolicyPeer = std::variant<PodSelection, NetworkBlock, NodeSelection>;

struct PolicyPort {
  std::optional<Protocol> protocol;  // absent: that of the port named so
  std::uint16_t first = 0;           // 0: every port, unless it has a name
  std::uint16_t last = 0;
  std::string name;
  bool operator==(const PolicyPort&) const = default;
};

struct PolicyRule {
  std::string name;  // of ClusterNetworkPolicy
  RuleAction action = RuleAction::kAccept;
  bool any_peer = false;
  std::vector<PolicyPeer> peers;
  bool any_port = false;  // every protocol and port
  std::vector<PolicyPort> ports;
  bool operator==(const PolicyRule&) const = default;
};

struct PolicySide {
  bool applies = false;  // NetworkPolicy: isolates; ClusterNetworkPolicy: has rules
  std::vector<PolicyRule> rules;
  bool operator==(const PolicySide&) const = default;
};

struct Policy {
  Metadata metadata;
  PolicyTier tier = PolicyTier::kNetwork;
  std::uint16_t priority = 0;  // 0 … 1000, lower comes first; of ClusterNetworkPolicy
  bool audit = false;          // annotation mesh.weft.dev/mode: audit
  bool broken = false;         // something of it could not be read: it denies what it selects
  bool quarantine = false;     // of one workload, named as the policy is: comes before all others of its tier
  PodSelection subject;
  PolicySide ingress;
  PolicySide egress;
  bool operator==(const Policy&) const = default;
};

struct NetworkPolicy : Policy {
  bool operator==(const NetworkPolicy&) const = default;
};
struct ClusterNetworkPolicy : Policy {
  bool operator==(const ClusterNetworkPolicy&) const = default;
};

ObjectKey policy_key(const Policy& policy);

// Makes of a policy that could not be read one that denies all that it selects, in the directions that it names. A
// cluster policy whose subject or tier is unknown becomes empty instead: it could cut off a whole cluster.
void break_policy(Policy& policy, bool subject_known);

}  // namespace weft
