#include "agent/config/load.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/yaml.hpp"
#include "agent/config/apply.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/rules.hpp"

namespace weft {
namespace {

constexpr std::string_view kApiVersion = "weft/v1";

// One file on its way into a LoadedConfig.
class FileReader {
 public:
  FileReader(const std::string& path, const TextDocument& document, LoadedConfig& loaded)
      : path_(path), document_(document), loaded_(loaded) {}

  void read() {
    const auto& root = *document_.value;
    if (!root.is_object())
      return add(FindingCode::kConfigType, "", "", "the file is not a map; write key: value lines");
    read_section(root, "");
  }

 private:
  void read_section(const nlohmann::json& section, const std::string& path) {
    for (const auto& [name, value] : section.items()) {
      auto child = path.empty() ? name : path + "." + name;
      if (path.empty() && name == "apiVersion")
        check_version(value);
      else if (const auto* key = find_config_key(child))
        read_value(*key, value);
      else if (is_config_section(child))
        read_child(value, child);
      else
        add(FindingCode::kConfigUnknownKey, child, pointer_of(path, name), unknown_key_reason(path, name));
    }
  }

  void read_child(const nlohmann::json& value, const std::string& path) {
    if (value.is_null()) return;  // a section whose keys are all commented out
    if (value.is_object()) return read_section(value, path);
    auto children = config_children(path);
    add(FindingCode::kConfigType, path, config_pointer(path),
        "a section is wanted here, with keys such as " + children.front() + " below it");
  }

  void read_value(const ConfigKey& key, const nlohmann::json& value) {
    auto pointer = config_pointer(key.path);
    for (const auto& problem : set_config_value(key, value, loaded_.config)) {
      auto place = problem.index < 0 ? pointer : pointer + "/" + std::to_string(problem.index);
      add(finding_of(problem.kind), std::string(key.path), place, problem.reason);
    }
    loaded_.origins[pointer] = place_text(pointer, false);
  }

  void check_version(const nlohmann::json& value) {
    if (!value.is_string() || value.get_ref<const std::string&>() != kApiVersion)
      add(FindingCode::kConfigVersion, "apiVersion", "/apiVersion", value.dump() + " is not known; write weft/v1");
  }

  // Keys are arbitrary text here: '~' and '/' are escaped as RFC 6901 says.
  static std::string pointer_of(const std::string& path, const std::string& name) {
    nlohmann::json::json_pointer pointer(path.empty() ? "" : config_pointer(path));
    return (pointer / name).to_string();
  }

  std::string place_text(const std::string& pointer, bool column) const {
    auto at = document_.places.find(pointer);
    if (at.line == 0) return path_;
    auto text = path_ + ":" + std::to_string(at.line);
    return column ? text + ":" + std::to_string(at.column) : text;
  }

  void add(FindingCode code, std::string field, const std::string& pointer, std::string reason) {
    loaded_.findings.push_back(
        {ConfigFinding::Severity::kError, code, place_text(pointer, true), std::move(field), std::move(reason)});
  }

  const std::string& path_;
  const TextDocument& document_;
  LoadedConfig& loaded_;
};

void add_error(LoadedConfig& loaded, FindingCode code, std::string origin, std::string reason) {
  loaded.findings.push_back({ConfigFinding::Severity::kError, code, std::move(origin), "", std::move(reason)});
}

void read_file(const ConfigText& file, LoadedConfig& loaded) {
  loaded.files.push_back(file.path);
  auto documents = read_yaml(file.text);
  if (!documents) {
    const auto& error = documents.error();
    auto place = file.path;
    if (error.at.line != 0) place += ":" + std::to_string(error.at.line) + ":" + std::to_string(error.at.column);
    return add_error(loaded, FindingCode::kConfigSyntax, place, error.reason);
  }
  if (documents->empty()) return;
  if (documents->size() > 1) {
    auto at = (*documents)[1].places.find("");
    add_error(loaded, FindingCode::kConfigManyDocuments, file.path + ":" + std::to_string(at.line),
              "a second document begins here; put all settings into one, without ---");
  }
  FileReader(file.path, documents->front(), loaded).read();
}

void warn_about_unused(LoadedConfig& loaded) {
  const Config defaults;
  for (const auto& key : config_keys()) {
    if (key.use == ConfigUse::kUsed || config_value(key, loaded.config) == config_value(key, defaults)) continue;
    loaded.findings.push_back({ConfigFinding::Severity::kWarning, FindingCode::kConfigNotUsed,
                               loaded.origins[config_pointer(key.path)], std::string(key.path),
                               "this version of weft does not use the setting; it has no effect"});
  }
}

void take_host_name(const std::string& host_name, LoadedConfig& loaded) {
  if (!loaded.config.node.name.empty()) return;
  const auto& key = *find_config_key("node.name");
  if (keeps_rule(key, host_name)) {
    loaded.config.node.name = host_name;
    return;
  }
  bool was_set = loaded.origins.contains("/node/name");  // then its own error was told
  if (!was_set)
    loaded.findings.push_back({ConfigFinding::Severity::kError, FindingCode::kConfigHostName, "default", "node.name",
                               "the host name '" + host_name + "' is not " + wanted_by_rule(key) + "; set node.name"});
}

}  // namespace

std::string ConfigFinding::text() const {
  auto text = origin + ": " + (severity == Severity::kError ? "error " : "warning ") + finding_code(code) + ": ";
  return text + (field.empty() ? "" : field + ": ") + reason;
}

bool LoadedConfig::usable() const {
  return std::ranges::none_of(findings, [](const auto& f) { return f.severity == ConfigFinding::Severity::kError; });
}

LoadedConfig make_config(const ConfigSources& sources) {
  LoadedConfig loaded;
  for (const auto& file : sources.files) read_file(file, loaded);
  for (const auto& [name, value] : sources.environment) apply_environment(name, value, loaded);
  for (const auto& setting : sources.settings) apply_setting(setting, loaded);
  warn_about_unused(loaded);
  take_host_name(sources.host_name, loaded);
  for (const auto& key : config_keys()) loaded.origins.try_emplace(config_pointer(key.path), "default");
  return loaded;
}

}  // namespace weft
