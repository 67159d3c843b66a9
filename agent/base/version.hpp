// The version of this build, the same for the agent and the command line.
#pragma once

#include <string_view>

namespace weft {

std::string_view weft_version();  // "0.1.0"

}  // namespace weft
