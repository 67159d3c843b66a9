#include "agent/cli/flow_text.hpp"

#include <nlohmann/json.hpp>

#include "agent/cli/json_value.hpp"

namespace weft::cli {

using nlohmann::json;

std::string end_address(const json& flow, const std::string& end) {
  auto address = text_at(flow, end + ".address");
  auto port = text_at(flow, end + ".port");
  if (address.find(':') != std::string::npos) address = "[" + address + "]";
  return address + (port.empty() ? "" : ":" + port);
}

std::string end_text(const json& flow, const std::string& end, bool with_address) {
  auto address = end_address(flow, end);
  auto name = full_name(text_at(flow, end + ".namespace"), text_at(flow, end + ".workload"));
  if (name.empty()) return address.empty() ? "-" : address;
  bool is_object = name.find('/') != std::string::npos;
  if (address.empty()) return name;
  if (with_address || !is_object) return name + " " + address;
  auto port = text_at(flow, end + ".port");
  return end == "destination" && !port.empty() ? name + ":" + port : name;
}

}  // namespace weft::cli
