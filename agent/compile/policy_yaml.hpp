// Parts of policies as YAML.
#pragma once

#include <string>

#include "agent/model/objects.hpp"

namespace weft {

// {matchLabels: {app: "web"}}, or {}.
std::string selector_words(const Labels& labels);
// Selects the namespace of this name.
std::string space_selector_words(const std::string& space);
// Whether policies can name ports of the IP protocol.
bool has_ports(std::uint8_t protocol);

}  // namespace weft
