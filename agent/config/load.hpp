// Reads the configuration: files in order (maps merge, lists replace), then WEFT_SECTION__KEY from the environment,
// then
// `--set section.key=value`. Everything that is wrong is reported at once, each with its place and its fix.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/findings.hpp"
#include "agent/config/config.hpp"

namespace weft {

struct ConfigFinding {
  enum class Severity : std::uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  FindingCode code{};
  std::string origin;  // "/etc/weft/weft.yaml:3:5", "env WEFT_API__SOCKET" or "flag --set api.socket"
  std::string field;   // "metrics.listen"; empty when a file as a whole is meant
  std::string reason;  // what is wrong and how to fix it

  std::string text() const;  // "/etc/weft/weft.yaml:3:5: error WEFT2005: metrics.listen: …"
};

struct ConfigText {
  std::string path;
  std::string text;
};

struct ConfigSources {
  std::vector<ConfigText> files;                                 // in order
  std::vector<std::pair<std::string, std::string>> environment;  // name and value; what is not WEFT_X__Y is skipped
  std::vector<std::string> settings;                             // "section.key=value"
  std::string host_name;
};

struct LoadedConfig {
  Config config;                               // defaults in place of what is wrong
  std::map<std::string, std::string> origins;  // "/node/name" → "file:line", "default", "env NAME" or "flag --set …"
  std::vector<std::string> files;              // that were read
  std::vector<ConfigFinding> findings;

  bool usable() const;  // no errors; warnings do not count
};

LoadedConfig make_config(const ConfigSources& sources);

struct ConfigRequest {
  std::vector<std::string> files;     // of --config; empty: weft.yaml and weft.yaml.d/*.yaml of `directory`, if present
  std::vector<std::string> settings;  // of --set
  std::string directory = "/etc/weft";
};

// Reads the files, the environment and the host name of this process.
LoadedConfig load_config(const ConfigRequest& request);

}  // namespace weft
