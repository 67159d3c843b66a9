#include "agent/model/analyze_policies.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "agent/base/findings.hpp"
#include "agent/model/policy_cover.hpp"
#include "agent/model/policy_targets.hpp"

namespace weft {
namespace {

using Target = PolicyTargets::Target;
using Targets = PolicyTargets::Targets;

std::string side_name(bool ingress) { return ingress ? "spec.ingress" : "spec.egress"; }

bool serves(const Target& target, const PolicyPort& port) {
  return std::ranges::any_of(*target.ports, [&](const NamedPort& own) {
    if (port.protocol && *port.protocol != own.protocol) return false;
    return port.name.empty() ? own.port >= port.first && own.port <= port.last : own.name == port.name;
  });
}

class PolicyAnalysis {
 public:
  PolicyAnalysis(const Snapshot& snapshot, std::vector<Diagnostic>& out)
      : snapshot_(snapshot), targets_(snapshot), out_(out) {}

  void run() {
    std::map<NamespacedName, std::shared_ptr<const Policy>> policies;
    auto add = [&](const NamespacedName& name, const auto& policy) { policies.emplace(name, policy); };
    snapshot_.network_policies.for_each(add);
    snapshot_.cluster_policies.for_each(add);
    for (const auto& [name, policy] : policies)
      if (!policy->broken) check(*policy);
    check_order();
  }

 private:
  bool selects_node(const NodeSelection& selection) const {
    bool found = false;
    snapshot_.nodes.for_each(
        [&](const auto&, const auto& node) { found = found || selection.nodes.matches(node->metadata.labels); });
    return found;
  }

  void check(const Policy& policy) {
    auto subjects = targets_.selected(policy.subject, policy.metadata.space);
    if (subjects.empty())
      warn(policy, FindingCode::kPolicySelectsNothing,
           policy.tier == PolicyTier::kNetwork ? "spec.podSelector" : "spec.subject", "selects no pod and no workload");
    for (bool ingress : {true, false}) {
      const auto& rules = (ingress ? policy.ingress : policy.egress).rules;
      for (std::size_t i = 0; i < rules.size(); ++i) {
        auto field = fmt::format("{}[{}]", side_name(ingress), i);
        check_peers(policy, rules[i], ingress, field);
        check_ports(policy, rules[i], ingress ? subjects : callees(policy, rules[i]), field);
        check_shadow(policy, rules, i, field);
      }
    }
  }

  void check_peers(const Policy& policy, const PolicyRule& rule, bool ingress, const std::string& field) {
    for (std::size_t i = 0; i < rule.peers.size(); ++i) {
      const auto* pods = std::get_if<PodSelection>(&rule.peers[i]);
      const auto* nodes = std::get_if<NodeSelection>(&rule.peers[i]);
      bool empty = pods ? targets_.selected(*pods, policy.metadata.space).empty() : nodes && !selects_node(*nodes);
      if (!empty) continue;
      auto where = fmt::format("{}.{}", field, ingress ? "from" : "to");
      // One entry of a cluster policy can be several peers (networks), so places in its list are not known.
      if (policy.tier == PolicyTier::kNetwork) where += fmt::format("[{}]", i);
      warn(policy, FindingCode::kPeerMatchesNothing, where,
           pods ? "matches no pod and no workload" : "matches no node");
    }
  }

  // The workloads that an egress rule leads to, where it leads to workloads only.
  Targets callees(const Policy& policy, const PolicyRule& rule) const {
    Targets out;
    for (const auto& peer : rule.peers) {
      const auto* pods = std::get_if<PodSelection>(&peer);
      if (pods == nullptr) return {};
      auto more = targets_.selected(*pods, policy.metadata.space);
      out.insert(out.end(), more.begin(), more.end());
    }
    return out;
  }

  void check_ports(const Policy& policy, const PolicyRule& rule, const Targets& servers, const std::string& field) {
    if (servers.empty()) return;
    bool all_declare = std::ranges::none_of(servers, [](const Target& t) { return t.ports->empty(); });
    auto list = policy.tier == PolicyTier::kNetwork ? "ports" : "protocols";
    for (std::size_t i = 0; i < rule.ports.size(); ++i) {
      const auto& port = rule.ports[i];
      if (std::ranges::any_of(servers, [&](const Target& t) { return serves(t, port); })) continue;
      auto where = fmt::format("{}.{}[{}]", field, list, i);
      if (!port.name.empty())
        warn(policy, FindingCode::kPolicyPortUnknown, where,
             fmt::format("nobody that the rule is about has a port '{}'", port.name));
      else if (all_declare && port.first != 0)
        warn(policy, FindingCode::kPolicyPortUnserved, where,
             fmt::format("nobody that the rule is about serves {}{}/{}", port.first,
                         port.first == port.last ? "" : fmt::format("-{}", port.last), protocol_name(*port.protocol)));
    }
  }

  void check_shadow(const Policy& policy, const std::vector<PolicyRule>& rules, std::size_t index,
                    const std::string& field) {
    for (std::size_t i = 0; i < rules.size(); ++i) {
      bool first = i < index || (policy.tier == PolicyTier::kNetwork && i != index && !covers(rules[index], rules[i]));
      if (!first || !covers(rules[i], rules[index])) continue;
      return warn(policy, FindingCode::kShadowedRule, field,
                  fmt::format("never decides: rule {} of the same list covers it", i));
    }
  }

  // Cluster policies of one tier against those that come before them.
  void check_order() {
    std::vector<std::shared_ptr<const Policy>> ordered;
    snapshot_.cluster_policies.for_each([&](const auto&, const auto& policy) {
      if (!policy->broken) ordered.push_back(policy);
    });
    std::ranges::sort(ordered, {}, [](const auto& p) {
      return std::tuple(p->tier, p->priority, std::string_view(p->metadata.name));
    });
    for (std::size_t i = 0; i < ordered.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (ordered[j]->tier == ordered[i]->tier) compare(*ordered[j], *ordered[i]);
  }

  void compare(const Policy& first, const Policy& then) {
    if (first.priority == then.priority) {
      if (share_workloads(first, then))
        warn(then, FindingCode::kEqualPriority, "spec.priority",
             fmt::format("is that of ClusterNetworkPolicy {} too, and both select some workload", first.metadata.name));
      return;
    }
    if (first.audit || !covers(first.subject, then.subject)) return;
    for (bool ingress : {true, false}) {
      const auto& before = (ingress ? first.ingress : first.egress).rules;
      const auto& after = (ingress ? then.ingress : then.egress).rules;
      for (std::size_t i = 0; i < after.size(); ++i)
        for (std::size_t j = 0; j < before.size(); ++j)
          if (covers(before[j], after[i])) {
            warn(then, FindingCode::kShadowedRule, fmt::format("{}[{}]", side_name(ingress), i),
                 fmt::format("never decides: {}[{}] of ClusterNetworkPolicy {} comes first and covers it",
                             side_name(ingress), j, first.metadata.name));
            break;
          }
    }
  }

  bool share_workloads(const Policy& a, const Policy& b) const {
    std::set<const Labels*> of_a;
    for (const auto& target : targets_.selected(a.subject, {})) of_a.insert(target.labels);
    return std::ranges::any_of(targets_.selected(b.subject, {}),
                               [&](const Target& target) { return of_a.contains(target.labels); });
  }

  void warn(const Policy& policy, FindingCode code, std::string field, std::string reason) {
    out_.push_back({Diagnostic::Severity::kWarning,
                    finding_code(code),
                    policy_key(policy),
                    std::move(field),
                    std::move(reason),
                    {}});
  }

  const Snapshot& snapshot_;
  PolicyTargets targets_;
  std::vector<Diagnostic>& out_;
};

}  // namespace

void analyze_policies(const Snapshot& snapshot, std::vector<Diagnostic>& out) { PolicyAnalysis(snapshot, out).run(); }

}  // namespace weft
