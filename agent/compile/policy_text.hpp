// Policy tables as text without numbers: each number is written as what it stands for, so that two compilations are
// equal when their texts are. For golden files, tests and bug reports.
#pragma once

#include <string>

#include "agent/compile/policy_tables.hpp"

namespace weft {

std::string policy_text(const PolicyTables& tables);

}  // namespace weft
