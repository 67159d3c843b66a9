#include "agent/app/rule_words.hpp"

#include <fmt/format.h>

#include "agent/observe/flow.hpp"

namespace weft {
namespace {

const Policy* find_policy(const Snapshot& snapshot, const ObjectKey& key) {
  NamespacedName name{key.space, key.name};
  if (key.kind == ObjectKind::kNetworkPolicy) {
    const auto* found = snapshot.network_policies.find(name);
    return found == nullptr ? nullptr : found->get();
  }
  const auto* found = snapshot.cluster_policies.find(name);
  return found == nullptr ? nullptr : found->get();
}

}  // namespace

RuleWords rule_words(const RuleName& name) {
  RuleWords words{std::string(kind_name(name.policy.kind)),
                  {name.policy.space, name.policy.name},
                  name.name,
                  std::string(tier_name(name.tier))};
  if (name.index == RuleName::kIsolates)
    words.rule = "default";
  else if (words.rule.empty())
    words.rule = fmt::format("{}[{}]", direction_name(name.direction), name.index);
  return words;
}

bool rule_exists(const Snapshot& snapshot, const RuleName& name) {
  const auto* policy = find_policy(snapshot, name.policy);
  if (policy == nullptr || policy->tier != name.tier) return false;
  const auto& side = name.direction == WEFT_EGRESS ? policy->egress : policy->ingress;
  if (name.index == RuleName::kIsolates) return side.applies;
  auto index = static_cast<std::size_t>(name.index);
  return index < side.rules.size() && side.rules[index].name == name.name;
}

}  // namespace weft
