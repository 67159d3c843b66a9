// What the API tells about policies.
#include <algorithm>
#include <map>
#include <tuple>

#include "agent/app/backend.hpp"
#include "agent/model/policy_targets.hpp"
#include "agent/model/policy_words.hpp"

namespace weft {
namespace {

using PolicyPtr = std::shared_ptr<const Policy>;

std::vector<PolicyPtr> find_policies(const Snapshot& snapshot, const ListQuery& query) {
  std::vector<PolicyPtr> found;
  auto add = [&](const NamespacedName& name, const auto& policy) {
    if (query.matches(name.first, name.second)) found.push_back(policy);
  };
  snapshot.network_policies.for_each(add);
  snapshot.cluster_policies.for_each(add);
  std::ranges::sort(found, {}, [](const PolicyPtr& p) {
    return std::tuple(p->tier, p->priority, std::string_view(p->metadata.space), std::string_view(p->metadata.name));
  });
  return found;
}

void add_rules(const PolicySide& side, bool ingress, std::vector<PolicyRuleView>& out) {
  for (std::uint32_t i = 0; i < side.rules.size(); ++i) {
    const auto& rule = side.rules[i];
    PolicyRuleView view{ingress, i, rule.name, std::string(action_name(rule.action)), {}, {}};
    for (const auto& peer : rule.peers) view.peers.push_back(words_of(peer));
    if (!rule.any_peer && rule.peers.empty()) view.peers.emplace_back("nobody");
    for (const auto& port : rule.ports) view.ports.push_back(words_of(port));
    out.push_back(std::move(view));
  }
}

// `tables` may be null: before every source was read.
std::uint64_t local_workloads(const std::shared_ptr<const PolicyTables>& tables, const ObjectKey& key) {
  if (!tables) return 0;
  auto it = tables->uses.find(key);
  return it == tables->uses.end() ? 0 : it->second.local_workloads;
}

using Findings = std::map<ObjectKey, std::vector<Diagnostic>>;

// What was said about policies when they were read.
Findings findings_of_policies(const Snapshot& snapshot) {
  Findings out;
  snapshot.diagnostics.for_each([&](const auto&, const std::vector<Diagnostic>& of_origin) {
    for (const auto& finding : of_origin)
      if (finding.object.kind == ObjectKind::kNetworkPolicy || finding.object.kind == ObjectKind::kClusterNetworkPolicy)
        out[finding.object].push_back(finding);
  });
  return out;
}

ObjectStatus status_of(const Policy& policy, const Findings& findings, std::uint64_t local,
                       const PolicyController& controller) {
  ObjectStatus status;
  if (auto said = findings.find(policy_key(policy)); said != findings.end()) status.findings = said->second;
  auto error = std::ranges::find(status.findings, Diagnostic::Severity::kError, &Diagnostic::severity);
  if (error == status.findings.end()) {
    status.state = ObjectStatus::State::kAccepted;
    if (local == 0) {
      status.reason = "selects nothing on this node";
    } else if (!controller.failure().empty()) {
      status.state = ObjectStatus::State::kError;
      status.reason = controller.failure();
    } else if (controller.applied()) {
      status.state = ObjectStatus::State::kProgrammed;
    } else {
      status.reason = "not in the kernel yet";
    }
    return status;
  }
  status.state = ObjectStatus::State::kError;
  status.reason = (error->field.empty() ? "" : error->field + ": ") + error->reason;
  if (!policy.broken) status.reason += "; the last good version is in force";
  return status;
}

}  // namespace

Source<PolicyView> AgentBackend::policies(const ListQuery& query) const {
  auto snapshot = state_.controller->snapshot();
  return [this, snapshot, tables = state_.policy->tables(), targets = PolicyTargets(*snapshot),
          findings = findings_of_policies(*snapshot), found = find_policies(*snapshot, query),
          next = std::size_t{0}](PolicyView& view) mutable {
    if (next == found.size()) return false;
    view = {};
    view.object = found[next++];
    const auto& policy = *view.object;
    view.workloads = targets.count(policy.subject, policy.metadata.space);
    view.local_workloads = local_workloads(tables, policy_key(policy));
    view.status = status_of(policy, findings, view.local_workloads, *state_.policy);
    add_rules(policy.ingress, true, view.rules);
    add_rules(policy.egress, false, view.rules);
    return true;
  };
}

}  // namespace weft
