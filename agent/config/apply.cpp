#include "agent/config/apply.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

#include "agent/base/yaml.hpp"
#include "agent/config/nearest.hpp"

namespace weft {
namespace {

std::string trimmed(std::string_view text) {
  auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

nlohmann::json list_value(const std::string& text) {
  if (text.starts_with('[')) {
    auto documents = read_yaml(text);
    return documents && documents->size() == 1 ? *documents->front().value : nlohmann::json(text);
  }
  auto list = nlohmann::json::array();
  for (std::string_view rest = text; !rest.empty();) {
    auto comma = std::min(rest.find(','), rest.size());
    list.push_back(trimmed(rest.substr(0, comma)));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return list;
}

nlohmann::json number_or_text(const std::string& text) {
  std::uint64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem == std::errc() && end == text.data() + text.size()) return number;
  return text;
}

// Text has no types: the key says how to read it.
struct TypedValue {
  const std::string& text;
  nlohmann::json operator()(std::string& (*)(Config&)) const { return text; }
  nlohmann::json operator()(std::optional<SocketAddress>& (*)(Config&)) const { return text; }
  nlohmann::json operator()(std::uint32_t& (*)(Config&)) const { return number_or_text(text); }
  nlohmann::json operator()(bool& (*)(Config&)) const {
    if (text == "true" || text == "false") return text == "true";
    return text;
  }
  nlohmann::json operator()(std::vector<std::string>& (*)(Config&)) const { return list_value(text); }
  nlohmann::json operator()(std::vector<PortProtocol>& (*)(Config&)) const { return list_value(text); }
};

void apply(const ConfigKey& key, const std::string& text, const std::string& origin, LoadedConfig& loaded) {
  if (!check_text(text, {}))
    return loaded.findings.push_back({ConfigFinding::Severity::kError, FindingCode::kConfigValue, origin,
                                      std::string(key.path), "the value is not UTF-8 text without control characters"});
  auto value = std::visit(TypedValue{text}, key.slot);
  for (const auto& problem : set_config_value(key, value, loaded.config))
    loaded.findings.push_back(
        {ConfigFinding::Severity::kError, finding_of(problem.kind), origin, std::string(key.path), problem.reason});
  loaded.origins[config_pointer(key.path)] = origin;
}

void add_unknown(FindingCode code, const std::string& origin, std::string reason, LoadedConfig& loaded) {
  loaded.findings.push_back({ConfigFinding::Severity::kError, code, origin, "", std::move(reason)});
}

// METRICS.MAXSERIES of metrics.maxSeries, and of METRICS__MAX_SERIES.
std::string folded(std::string_view path) {
  std::string text;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '_')
      text += static_cast<char>(std::toupper(static_cast<unsigned char>(path[i])));
    else if (i + 1 < path.size() && path[i + 1] == '_')
      text += '.', ++i;
  }
  return text;
}

std::string variable_name(std::string_view path) {
  std::string name = "WEFT_";
  for (char c : path)
    name += c == '.' ? "__" : std::string(1, static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  return name;
}

}  // namespace

FindingCode finding_of(ConfigProblem::Kind kind) {
  switch (kind) {
    case ConfigProblem::Kind::kType:
      return FindingCode::kConfigType;
    case ConfigProblem::Kind::kValue:
      return FindingCode::kConfigValue;
    case ConfigProblem::Kind::kRange:
      return FindingCode::kConfigRange;
  }
  return FindingCode::kConfigValue;
}

std::string unknown_key_reason(const std::string& section, const std::string& name) {
  auto where = section.empty() ? "there is no such section" : "there is no such key in " + section;
  auto siblings = config_children(section);
  if (auto hint = did_you_mean(name, siblings); !hint.empty()) return where + hint;
  for (const auto& key : config_keys())
    if (key.path.ends_with("." + name)) return where + "; did you mean '" + std::string(key.path) + "'?";
  std::string known;
  for (const auto& sibling : siblings) known += (known.empty() ? "" : ", ") + sibling;
  return where + "; there are " + known;
}

void apply_environment(std::string_view name, const std::string& value, LoadedConfig& loaded) {
  constexpr std::string_view kPrefix = "WEFT_";
  if (!name.starts_with(kPrefix) || name.find("__", kPrefix.size()) == std::string_view::npos) return;
  auto origin = "env " + std::string(name);
  auto wanted = folded(name.substr(kPrefix.size()));
  std::vector<std::string> known;
  for (const auto& key : config_keys()) {
    if (folded(key.path) == wanted) return apply(key, value, origin, loaded);
    known.push_back(variable_name(key.path));
  }
  add_unknown(FindingCode::kConfigEnvironment, origin, "no setting has this name" + did_you_mean(name, known), loaded);
}

void apply_setting(std::string_view setting, LoadedConfig& loaded) {
  auto equals = setting.find('=');
  auto path = setting.substr(0, equals);
  auto origin = "flag --set " + std::string(path);
  if (equals == std::string_view::npos)
    return add_unknown(FindingCode::kConfigSetting, origin, "there is no '='; write --set section.key=value", loaded);
  if (const auto* key = find_config_key(path))
    return apply(*key, std::string(setting.substr(equals + 1)), origin, loaded);
  std::vector<std::string> known;
  for (const auto& key : config_keys()) known.emplace_back(key.path);
  add_unknown(FindingCode::kConfigSetting, origin, "no setting has this name" + did_you_mean(path, known), loaded);
}

}  // namespace weft
