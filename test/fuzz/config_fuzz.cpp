// Bytes to a configuration: no crash, and whatever is usable survives being printed and read again.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/config/keys.hpp"
#include "agent/config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  auto loaded = weft::make_config({{{"fuzz.yaml", text}},
                                   {{"WEFT_DISCOVERY__FILES__PATHS", text}, {"WEFT_" + text.substr(0, 40), text}},
                                   {text.substr(0, 200)},
                                   "host"});
  for (const auto& finding : loaded.findings) WEFT_ASSERT(!finding.reason.empty() && !finding.origin.empty());
  auto values = weft::config_values(loaded.config).dump(-1, ' ', false, nlohmann::json::error_handler_t::strict);
  auto again = weft::make_config({{{"again.json", values}}, {}, {}, "host"});
  WEFT_ASSERT(again.usable());
  WEFT_ASSERT(weft::config_values(again.config) == weft::config_values(loaded.config));
  return 0;
}
