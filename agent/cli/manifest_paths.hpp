// The manifest files that a list of files and directories means, as the agent would read them.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/outcome.hpp"

namespace weft::cli {

// Files named directly count whatever they are called. In directories of any depth: *.yaml, *.yml and *.json whose
// names do not begin with a dot, in the order of their paths. Fails when a named path is missing.
Outcome<std::vector<std::string>> find_manifests(const std::vector<std::string>& paths);

}  // namespace weft::cli
