#include "agent/model/policy.hpp"

namespace weft {
namespace {

PolicyRule deny_all() {
  PolicyRule rule;
  rule.name = "broken";
  rule.action = RuleAction::kDeny;
  rule.any_peer = rule.any_port = true;
  return rule;
}

}  // namespace

std::string_view tier_name(PolicyTier tier) {
  switch (tier) {
    case PolicyTier::kAdmin:
      return "Admin";
    case PolicyTier::kNetwork:
      return "NetworkPolicy";
    case PolicyTier::kBaseline:
      return "Baseline";
  }
  return "";
}

std::string_view action_name(RuleAction action) {
  switch (action) {
    case RuleAction::kAccept:
      return "Accept";
    case RuleAction::kDeny:
      return "Deny";
    case RuleAction::kPass:
      return "Pass";
  }
  return "";
}

ObjectKey policy_key(const Policy& policy) {
  auto kind = policy.quarantine                     ? ObjectKind::kQuarantine
              : policy.tier == PolicyTier::kNetwork ? ObjectKind::kNetworkPolicy
                                                    : ObjectKind::kClusterNetworkPolicy;
  return {kind, policy.metadata.space, policy.metadata.name};
}

void break_policy(Policy& policy, bool subject_known) {
  policy.broken = true;
  for (auto* side : {&policy.ingress, &policy.egress}) {
    bool denies = side->applies && policy.tier != PolicyTier::kNetwork && subject_known;
    side->rules.clear();
    if (denies) side->rules.push_back(deny_all());
    if (policy.tier != PolicyTier::kNetwork) side->applies = denies;
  }
}

}  // namespace weft
