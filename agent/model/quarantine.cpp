#include "agent/model/quarantine.hpp"

namespace weft {

std::shared_ptr<const Policy> make_quarantine_policy(const NamespacedName& workload) {
  PolicyRule everything;
  everything.name = "quarantine";
  everything.action = RuleAction::kDeny;
  everything.any_peer = everything.any_port = true;
  auto policy = std::make_shared<Policy>();
  policy->metadata.space = workload.first;
  policy->metadata.name = workload.second;
  policy->tier = PolicyTier::kAdmin;
  policy->quarantine = true;
  policy->ingress = policy->egress = {true, {everything}};
  return policy;
}

}  // namespace weft
