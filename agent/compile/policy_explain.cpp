#include "agent/compile/policy_explain.hpp"

#include <fmt/format.h>

#include <array>

#include "agent/compile/policy_suggest.hpp"
#include "agent/model/controller_labels.hpp"

namespace weft {
namespace {

struct ReasonText {
  std::string_view name;
  std::string_view sentence;
};

#define WEFT_REASON_TEXT(code, name, sentence) ReasonText{name, sentence},
constexpr std::array kReasons{WEFT_VERDICT_REASONS(WEFT_REASON_TEXT)};
#undef WEFT_REASON_TEXT

NamespacedName name_of(const Metadata& metadata) { return {metadata.space, metadata.name}; }

std::string joined(const std::vector<ObjectKey>& keys) {
  std::string out;
  for (const auto& key : keys) out += (out.empty() ? "" : ", ") + key.text();
  return out;
}

std::string sentence_of(const PolicyExplanation& explanation, const PolicyCase& what) {
  std::string_view verdict = what.decision.verdict == WEFT_VERDICT_ALLOW ? "allowed" : "denied";
  std::string_view direction = what.direction == WEFT_INGRESS ? "ingress" : "egress";
  auto whose = fmt::format("{} of {}/{}", direction, what.subject.name.first, what.subject.name.second);
  if (!explanation.isolates.empty())
    return fmt::format("{}: {} is isolated by {}, and no rule allows it", verdict, whose, joined(explanation.isolates));
  if (explanation.rule) return fmt::format("{}: {} is decided by {}", verdict, whose, explanation.rule->text());
  return fmt::format("{}: {}", verdict, kReasons.at(what.decision.reason).sentence);
}

std::string suggestion_for(const Snapshot& snapshot, const PolicyCase& what, const PolicyExplanation& explanation) {
  if (what.decision.verdict == WEFT_VERDICT_ALLOW || what.subject.kind != PolicyEnd::Kind::kWorkload) return {};
  if (what.decision.reason == WEFT_REASON_DEFAULT_DENY) return suggest_network_policy(what);
  if (!explanation.rule || explanation.rule->policy.kind == ObjectKind::kQuarantine) return {};
  const auto* denying = snapshot.cluster_policies.find({"", explanation.rule->policy.name});
  return denying == nullptr ? std::string() : suggest_cluster_policy(what, **denying);
}

}  // namespace

PolicyEnds::PolicyEnds(const Snapshot& snapshot, const NodeFacts& facts) {
  snapshot.pods.for_each([&](const auto&, const std::shared_ptr<const Pod>& pod) {
    if (!pod->running || pod->host_network) return;
    for (const auto& address : pod->addresses) {
      PolicyEnd end{PolicyEnd::Kind::kWorkload, name_of(pod->metadata), lasting_labels(pod->metadata.labels), address};
      if (pod->metadata.deleting)
        by_address_.try_emplace(address, std::move(end));
      else
        by_address_.insert_or_assign(address, std::move(end));
    }
  });
  snapshot.nodes.for_each([&](const auto&, const std::shared_ptr<const Node>& node) {
    for (const auto& address : node->addresses)
      by_address_.insert_or_assign(
          address, PolicyEnd{PolicyEnd::Kind::kNode, name_of(node->metadata), node->metadata.labels, address});
  });
  for (const auto& address : facts.addresses)
    by_address_.try_emplace(address, PolicyEnd{PolicyEnd::Kind::kNode, {"", facts.name}, {}, address});
  snapshot.workloads.for_each([&](const auto&, const std::shared_ptr<const Workload>& workload) {
    bool local = workload->node.empty() || workload->node == facts.name;
    auto addresses = workload->addresses;
    if (const auto* node = snapshot.nodes.find({"", workload->node}); addresses.empty() && node)
      addresses = (*node)->addresses;
    if (addresses.empty() && local) addresses = facts.addresses;
    for (const auto& address : addresses) {
      PolicyEnd end{PolicyEnd::Kind::kWorkload, name_of(workload->metadata), lasting_labels(workload->metadata.labels),
                    address};
      for (const auto& port : workload->ports) by_port_.try_emplace({address, port.port, port.protocol}, end);
      by_address_.try_emplace(address, std::move(end));
    }
  });
}

PolicyEnd PolicyEnds::find(const IpAddress& address, std::uint16_t port, Protocol protocol) const {
  if (auto it = by_port_.find({address, port, protocol}); port != 0 && it != by_port_.end()) return it->second;
  if (auto it = by_address_.find(address); it != by_address_.end()) return it->second;
  return {PolicyEnd::Kind::kWorld, {}, {}, address};
}

PolicyExplanation explain_policy(const Snapshot& snapshot, const PolicyTables& tables, const PolicyCase& what) {
  PolicyExplanation out;
  out.reason = kReasons.at(what.decision.reason).name;
  if (auto rule = tables.rules->find(what.decision.rule); rule != tables.rules->end()) out.rule = rule->second;
  if (what.decision.reason == WEFT_REASON_DEFAULT_DENY)
    if (auto all = tables.isolating.find({what.subject_number, what.direction}); all != tables.isolating.end())
      out.isolates = all->second;
  out.sentence = sentence_of(out, what);
  out.suggestion = suggestion_for(snapshot, what, out);
  return out;
}

}  // namespace weft
