// Every key of the configuration, once: where it lives in Config, what its value must be, whether a reload applies it,
// and its sentence of documentation. Parsing, defaults, JSON Schema, the reference page and weft.yaml(5) follow from
// it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/config/config.hpp"

namespace weft {

using ConfigSlot = std::variant<std::string& (*)(Config&), bool& (*)(Config&), std::uint32_t& (*)(Config&),
                                std::vector<std::string>& (*)(Config&), std::vector<PortProtocol>& (*)(Config&),
                                std::optional<SocketAddress>& (*)(Config&)>;

enum class ConfigRule : std::uint8_t {
  kNodeName,
  kTopologyName,
  kTrustDomain,
  kPath,
  kPathOrEmpty,
  kSocketPath,
  kInterface,
  kGroup,
  kChoice,
  kBool,
  kCount,
  kBytes,
  kListen,
  kPortProtocol,
};

enum class ConfigChange : std::uint8_t { kLive, kRestart };
enum class ConfigUse : std::uint8_t { kUsed, kLater };  // kLater: checked, but without effect in this version

struct ConfigKey {
  std::string_view path;  // "datapath.maps.services"
  ConfigSlot slot;
  ConfigRule rule;
  ConfigChange change;
  ConfigUse use;
  std::string_view doc;
  std::vector<std::string_view> choices = {};  // for kChoice
  std::uint32_t min = 0;                       // for kCount and kBytes
  std::uint32_t max = 0;
};

std::span<const ConfigKey> config_keys();
const ConfigKey* find_config_key(std::string_view path);

// Whether `path` ("datapath.maps") is a map with keys below it.
bool is_config_section(std::string_view path);
// Names directly below `section` ("" for the top), in the order of the table.
std::vector<std::string> config_children(std::string_view section);

// "/datapath/maps/services" from "datapath.maps.services".
std::string config_pointer(std::string_view path);

// What a value must be, as a phrase: "an absolute path".
std::string config_wanted(const ConfigKey& key);

// The current value as JSON.
nlohmann::json config_value(const ConfigKey& key, const Config& config);
// All of it, as nested JSON in the shape of the file.
nlohmann::json config_values(const Config& config);

// Writes a JSON value of the key into `config`; else says what is wrong, and under which index of a list.
struct ConfigProblem {
  enum class Kind : std::uint8_t { kType, kValue, kRange };
  Kind kind = Kind::kType;
  std::string reason;
  int index = -1;  // of the bad item of a list
};
std::vector<ConfigProblem> set_config_value(const ConfigKey& key, const nlohmann::json& value, Config& config);

// JSON Schema (2020-12) of the file, as text.
std::string config_schema();

}  // namespace weft
