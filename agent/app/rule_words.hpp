// Rules of policies in the words of flows, metrics and explanations.
#pragma once

#include "agent/compile/policy_tables.hpp"
#include "agent/observe/names.hpp"

namespace weft {

RuleWords rule_words(const RuleName& name);

// Whether a policy of the snapshot has the rule; a rule that moved within its list is another one.
bool rule_exists(const Snapshot& snapshot, const RuleName& name);

}  // namespace weft
