#include "agent/compile/rule_names.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace weft {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;

Result<RuleName> read_rule(const json& entry) {
  auto kind = entry.at("kind").get<std::string>();
  auto direction = entry.at("direction").get<int>();
  auto tier = entry.at("tier").get<int>();
  RuleName name;
  if (kind == kind_name(ObjectKind::kNetworkPolicy))
    name.policy.kind = ObjectKind::kNetworkPolicy;
  else if (kind == kind_name(ObjectKind::kClusterNetworkPolicy))
    name.policy.kind = ObjectKind::kClusterNetworkPolicy;
  else if (kind == kind_name(ObjectKind::kQuarantine))
    name.policy.kind = ObjectKind::kQuarantine;
  else
    return fail("a rule of an unknown kind of policy");
  if (direction < 0 || direction >= WEFT_DIRECTION_COUNT || tier < 0 || tier > static_cast<int>(PolicyTier::kBaseline))
    return fail("a rule of an unknown direction or tier");
  name.policy.space = entry.at("namespace").get<std::string>();
  name.policy.name = entry.at("policy").get<std::string>();
  name.direction = static_cast<weft_direction>(direction);
  name.index = entry.at("index").get<std::int32_t>();
  name.name = entry.at("rule").get<std::string>();
  name.tier = static_cast<PolicyTier>(tier);
  return name;
}

Result<RuleNames> read_rules(std::string_view text) {
  auto file = json::parse(text);
  if (file.at("version") != kVersion) return fail("it was written by another version of weft");
  const auto& rules = file.at("rules");
  if (!rules.is_array() || rules.size() > kMaxRuleNames) return fail("\"rules\" is not a list of rules");
  RuleNames names;
  for (const auto& entry : rules) {
    auto id = entry.at("id").get<std::uint32_t>();
    if (id == 0 || !names.emplace(id, WEFT_TRY(read_rule(entry))).second)
      return fail(fmt::format("number {} is given twice", id));
  }
  return names;
}

}  // namespace

std::string rule_names_to_text(const RuleNames& names) {
  auto rules = json::array();
  for (const auto& [id, name] : names)
    rules.push_back({{"id", id},
                     {"kind", kind_name(name.policy.kind)},
                     {"namespace", name.policy.space},
                     {"policy", name.policy.name},
                     {"direction", static_cast<int>(name.direction)},
                     {"index", name.index},
                     {"rule", name.name},
                     {"tier", static_cast<int>(name.tier)}});
  json file{{"version", kVersion}, {"rules", std::move(rules)}};
  return file.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<RuleNames> rule_names_from_text(std::string_view text) {
  if (text.size() > kMaxRuleNamesBytes) return fail("rules file: larger than 64 MiB");
  try {
    return WEFT_TRY_AS("rules file", read_rules(text));
  } catch (const json::exception& error) {
    return fail(fmt::format("rules file: {}", error.what()));
  }
}

}  // namespace weft
