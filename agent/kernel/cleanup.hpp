// Removes what weft owns below a pin directory: links first, so that hooks empty before their maps go. Established
// connections are not cut: they were balanced when they connected.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/result.hpp"

namespace weft {

struct CleanupItem {
  std::string kind;  // link | map | program | directory | file
  std::string path;
  std::string state;  // removed | would-remove | left
  std::string reason;
};

// Fails when an agent is running on the directory. A directory that is not there is nothing to clean.
Result<std::vector<CleanupItem>> clean_up(const std::filesystem::path& bpffs, bool dry_run);

}  // namespace weft
