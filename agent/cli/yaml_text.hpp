// JSON as YAML for people: block style, and quotes wherever a reader could take the text for something else.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace weft::cli {

std::string yaml_text(const nlohmann::json& value);

// JSON text whose strings carry no control characters and no bidirectional overrides: they stand as \uNNNN.
std::string safe_json(const nlohmann::json& value, int indent);

}  // namespace weft::cli
