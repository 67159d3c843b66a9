#include "agent/cli/json_value.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weft::cli {

using nlohmann::json;

Outcome<json> parse_json(std::string_view text, const std::string& what) {
  constexpr int kDeepest = 64;
  bool too_deep = false;
  auto watch = [&](int depth, json::parse_event_t, json&) { return !(too_deep = too_deep || depth > kDeepest); };
  auto value = json::parse(text, watch, false);
  if (too_deep || value.is_discarded())
    return failure(kInvalidInput, what + (too_deep ? " nests too deeply" : " is not JSON"));
  return value;
}

const json* find_at(const json& value, std::string_view path) {
  const auto* here = &value;
  while (!path.empty()) {
    auto dot = std::min(path.find('.'), path.size());
    if (!here->is_object()) return nullptr;
    auto it = here->find(path.substr(0, dot));
    if (it == here->end()) return nullptr;
    here = &*it;
    path.remove_prefix(std::min(dot + 1, path.size()));
  }
  return here;
}

std::string text_at(const json& value, std::string_view path) {
  const auto* found = find_at(value, path);
  if (found == nullptr || found->is_null() || found->is_structured()) return "";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

double number_at(const json& value, std::string_view path) {
  const auto* found = find_at(value, path);
  return found != nullptr && found->is_number() ? found->get<double>() : 0;
}

bool is_true_at(const json& value, std::string_view path) {
  const auto* found = find_at(value, path);
  return found != nullptr && found->is_boolean() && found->get<bool>();
}

std::vector<std::string> texts_at(const json& value, std::string_view path) {
  std::vector<std::string> texts;
  for (const auto& item : list_at(value, path))
    texts.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  return texts;
}

const json& list_at(const json& value, std::string_view path) {
  static const json kEmpty = json::array();
  const auto* found = find_at(value, path);
  return found != nullptr && found->is_array() ? *found : kEmpty;
}

std::string full_name(std::string_view space, std::string_view name) {
  return space.empty() ? std::string(name) : std::string(space) + "/" + std::string(name);
}

}  // namespace weft::cli
