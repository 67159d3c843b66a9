#include "agent/compile/policy_yaml.hpp"

#include <fmt/format.h>

namespace weft {

std::string selector_words(const Labels& labels) {
  if (labels.empty()) return "{}";
  std::string text;
  for (const auto& [key, value] : labels) text += fmt::format("{}{}: \"{}\"", text.empty() ? "" : ", ", key, value);
  return fmt::format("{{matchLabels: {{{}}}}}", text);
}

std::string space_selector_words(const std::string& space) {
  return fmt::format("{{matchLabels: {{kubernetes.io/metadata.name: \"{}\"}}}}", space);
}

bool has_ports(std::uint8_t protocol) {
  return protocol == static_cast<std::uint8_t>(Protocol::kTcp) ||
         protocol == static_cast<std::uint8_t>(Protocol::kUdp) ||
         protocol == static_cast<std::uint8_t>(Protocol::kSctp);
}

}  // namespace weft
