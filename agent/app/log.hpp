// The agent's log, on standard error.
#pragma once

#include <string_view>

#include "agent/base/result.hpp"

namespace weft {

// `level`: debug, info, warning or error. `format`: auto (journal prefixes under systemd, else text), text or json.
Result<> start_log(std::string_view level, std::string_view format);
Result<> set_log_level(std::string_view level);

}  // namespace weft
