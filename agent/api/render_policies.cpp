// Policies as JSON.
#include "agent/api/render.hpp"
#include "agent/model/policy_words.hpp"

namespace weft {
namespace {

void write_words(JsonWriter& json, std::string_view name, const std::vector<std::string>& words) {
  json.key(name).begin_array();
  for (const auto& word : words) json.value(word);
  json.end_array();
}

void write_rule(JsonWriter& json, const PolicyRuleView& rule) {
  json.begin_object().field("direction", rule.ingress ? "ingress" : "egress").field("index", rule.index);
  json.field("name", rule.name).field("action", rule.action);
  write_words(json, "peers", rule.peers);
  write_words(json, "ports", rule.ports);
  json.end_object();
}

}  // namespace

void write_decided_by(JsonWriter& json, const RuleWords& rule) {
  json.key("decidedBy").begin_object().field("kind", rule.kind).text_field("namespace", rule.policy.first);
  json.field("name", rule.policy.second).field("rule", rule.rule).field("tier", rule.tier).end_object();
}

void append_json(std::string& out, const PolicyView& view) {
  const Policy& policy = *view.object;
  JsonWriter json(out);
  json.begin_object().field("kind", kind_name(policy_key(policy).kind));
  json.field("namespace", policy.metadata.space).field("name", policy.metadata.name);
  json.field("tier", tier_name(policy.tier));
  if (policy.tier != PolicyTier::kNetwork) json.field("priority", policy.priority);
  json.field("mode", policy.audit ? "audit" : "enforce").field("subject", words_of(policy.subject));
  json.key("directions").begin_array();
  if (policy.ingress.applies) json.value("ingress");
  if (policy.egress.applies) json.value("egress");
  json.end_array().field("workloads", view.workloads).field("localWorkloads", view.local_workloads);
  json.key("rules").begin_array();
  for (const auto& rule : view.rules) write_rule(json, rule);
  json.end_array();
  write_object_status(json, view.status);
  json.field("origin", view.origin).end_object();
}

}  // namespace weft
