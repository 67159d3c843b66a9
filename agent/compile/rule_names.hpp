// Numbers of policy rules in the state directory, so that counters in the kernel keep their rules over a restart.
#pragma once

#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/compile/policy_tables.hpp"

namespace weft {

inline constexpr std::size_t kMaxRuleNames = 1u << 18;  // 200,000 rules and those that went lately
inline constexpr std::size_t kMaxRuleNamesBytes = 64u << 20;

// JSON.
std::string rule_names_to_text(const RuleNames& names);
// Fails on anything but a text that rule_names_to_text may have written.
Result<RuleNames> rule_names_from_text(std::string_view text);

}  // namespace weft
