// The names of everything that has a number, out of the newest compile.
#include "agent/app/rule_words.hpp"
#include "agent/app/state.hpp"

namespace weft {
namespace {

class AgentNames final : public NameSource {
 public:
  AgentNames(const Compiled& compiled, std::shared_ptr<const Snapshot> snapshot,
             std::shared_ptr<const PolicyTables> policy)
      : objects_(compiled.names, std::make_shared<const std::vector<std::uint32_t>>(live_identities(compiled))),
        snapshot_(std::move(snapshot)),
        policy_(std::move(policy)) {}

  const NamespacedName* find_workload(std::uint32_t id) const override { return objects_.find_workload(id); }
  const NamespacedName* find_service(std::uint32_t id) const override { return objects_.find_service(id); }
  const std::string* find_zone(std::uint16_t id) const override { return objects_.find_zone(id); }
  bool workload_lives(std::uint32_t id) const override { return objects_.workload_lives(id); }
  std::optional<RuleWords> find_rule(std::uint32_t id) const override {
    const auto* name = find_name(id);
    return name == nullptr ? std::nullopt : std::optional(rule_words(*name));
  }
  bool rule_lives(std::uint32_t id) const override {
    const auto* name = find_name(id);
    if (name == nullptr) return false;
    if (name->policy.kind == ObjectKind::kQuarantine) return policy_->uses.contains(name->policy);
    return rule_exists(*snapshot_, *name);
  }

 private:
  const RuleName* find_name(std::uint32_t id) const {
    if (!policy_ || !policy_->rules) return nullptr;
    auto it = policy_->rules->find(id);
    return it == policy_->rules->end() ? nullptr : &it->second;
  }

  NamesOf<Names> objects_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const PolicyTables> policy_;
};

}  // namespace

std::shared_ptr<const NameSource> name_source(const AgentState& state) {
  return std::make_shared<AgentNames>(*state.controller->compiled(), state.controller->snapshot(),
                                      state.policy->tables());
}

}  // namespace weft
