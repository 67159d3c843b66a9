// Settings that come as plain text, from the environment and from flags, on their way into a LoadedConfig.
#pragma once

#include <string>
#include <string_view>

#include "agent/config/keys.hpp"
#include "agent/config/load.hpp"

namespace weft {

// `name` as in WEFT_METRICS__MAXSERIES or WEFT_METRICS__MAX_SERIES; others are skipped.
void apply_environment(std::string_view name, const std::string& value, LoadedConfig& loaded);

// "metrics.maxSeries=1000".
void apply_setting(std::string_view setting, LoadedConfig& loaded);

FindingCode finding_of(ConfigProblem::Kind kind);

// "there is no such key in datapath; did you mean 'cgroup'?"
std::string unknown_key_reason(const std::string& section, const std::string& name);

}  // namespace weft
