// Flows and their ends as people read them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace weft::cli {

// "10.1.0.7:41234" of "source" or "destination".
std::string end_address(const nlohmann::json& flow, const std::string& end);

// "shop/web:8080"; what has no name of its own, such as world, is shown by its address too. `with_address`: always.
std::string end_text(const nlohmann::json& flow, const std::string& end, bool with_address);

}  // namespace weft::cli
