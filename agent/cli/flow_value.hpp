// A Flow of the API back as a value, so that the filter language works on bug reports.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "agent/observe/flow.hpp"

namespace weft::cli {

Flow flow_value(const nlohmann::json& json);

}  // namespace weft::cli
