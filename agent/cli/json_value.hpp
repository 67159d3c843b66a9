// Looking into JSON that somebody else wrote: a miss or another type is an empty answer, never an exception.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/outcome.hpp"

namespace weft::cli {

// `what` names the text in messages. Depth is limited; the failure says kInvalidInput.
Outcome<nlohmann::json> parse_json(std::string_view text, const std::string& what);

// The part at "destination.namespace", or null.
const nlohmann::json* find_at(const nlohmann::json& value, std::string_view path);

std::string text_at(const nlohmann::json& value, std::string_view path);  // "" when missing; numbers as decimal text
double number_at(const nlohmann::json& value, std::string_view path);     // 0 when missing
bool is_true_at(const nlohmann::json& value, std::string_view path);
std::vector<std::string> texts_at(const nlohmann::json& value, std::string_view path);

// The array at `path`, or an empty one.
const nlohmann::json& list_at(const nlohmann::json& value, std::string_view path);

// "namespace/name", or the name alone.
std::string full_name(std::string_view space, std::string_view name);

}  // namespace weft::cli
