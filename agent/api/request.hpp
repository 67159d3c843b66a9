// Bodies of requests.
#pragma once

#include <functional>
#include <string_view>

#include "agent/base/json.hpp"
#include "agent/base/result.hpp"

namespace weft {

// Reads the one JSON object that the body is, at most `depth` deep. EINVAL names the first field that is wrong.
// `expected`: what is said of a body that is no object.
Result<> read_request(std::string_view body, std::size_t depth, const std::function<void(const JsonCursor&)>& read,
                      std::string_view expected = "expected a JSON object");

}  // namespace weft
