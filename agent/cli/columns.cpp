// What the tables of every kind show.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/cli/flow_text.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kShownAddresses = 3;  // in a table; JSON has all

Column text(std::string title, std::string path, bool wide = false) {
  return {std::move(title), [path = std::move(path)](const json& item) { return Cell{text_at(item, path)}; }, false,
          wide};
}

Column state(std::string title, std::string path) {
  return {std::move(title), [path = std::move(path)](const json& item) {
            auto value = text_at(item, path);
            return Cell{value, state_tone(value)};
          }};
}

Column made(std::string title, std::string (*make)(const json&), bool wide = false, bool right = false) {
  return {std::move(title), [make](const json& item) { return Cell{make(item)}; }, right, wide};
}

std::string shortened(std::vector<std::string> parts) {
  auto more = parts.size() > kShownAddresses ? parts.size() - kShownAddresses : 0;
  parts.resize(std::min(parts.size(), kShownAddresses));
  return joined(parts, ",") + (more > 0 ? fmt::format(",+{}", more) : "");
}

std::string addresses(const json& item) { return shortened(texts_at(item, "addresses")); }

std::string service_addresses(const json& item) {
  if (is_true_at(item, "headless")) return "None";
  auto all = texts_at(item, "clusterIPs");
  for (auto& external : texts_at(item, "externalIPs")) all.push_back(std::move(external));
  return shortened(std::move(all));
}

std::string port_text(const json& port) {
  auto protocol = text_at(port, "protocol");
  auto node_port = text_at(port, "nodePort");
  bool has_node_port = !node_port.empty() && node_port != "0";
  return text_at(port, "port") + (has_node_port ? ":" + node_port : "") + "/" + (protocol.empty() ? "TCP" : protocol);
}

std::string ports(const json& item) {
  std::vector<std::string> parts;
  for (const auto& port : list_at(item, "ports")) parts.push_back(port_text(port));
  return joined(parts, ",");
}

std::string endpoint_count(const json& item) {
  std::set<std::string> distinct;
  for (const auto& frontend : list_at(item, "frontends"))
    for (auto& endpoint : texts_at(frontend, "endpoints")) distinct.insert(std::move(endpoint));
  return std::to_string(distinct.size());
}

std::string affinity(const json& item) {
  auto seconds = number_at(item, "affinitySeconds");
  return seconds > 0 ? duration_text(seconds * 1000) : "";
}

Cell endpoint_state(const json& item) {
  std::string value = is_true_at(item, "terminating") ? "terminating"
                      : is_true_at(item, "ready")     ? "ready"
                                                      : "not ready";
  return {value, state_tone(value)};
}

std::string endpoint_address(const json& item) {
  auto address = text_at(item, "address");
  bool is_v6 = address.find(':') != std::string::npos;
  return (is_v6 ? "[" + address + "]" : address) + ":" + text_at(item, "port");
}

std::string workload_of(const json& item) {
  return full_name(text_at(item, "workload.namespace"), text_at(item, "workload.name"));
}

std::string process(const json& item) {
  for (const auto* key : {"systemdUnit", "cgroup", "uid"})
    if (auto value = text_at(item, std::string("process.") + key); !value.empty())
      return std::string(key) + "=" + value;
  return "";
}

std::string pod_count(const json& item) { return std::to_string(list_at(item, "pods").size()); }
std::string object_name(const json& item) { return full_name(text_at(item, "namespace"), text_at(item, "name")); }

ListView services() {
  return {
      {text("NAMESPACE", "namespace"), text("NAME", "name"), text("TYPE", "type"), made("ADDRESSES", service_addresses),
       made("PORTS", ports), made("ENDPOINTS", endpoint_count, false, true), state("STATE", "status.state"),
       made("AFFINITY", affinity, true), text("REASON", "status.reason", true), text("ORIGIN", "origin", true)},
      object_name};
}

ListView endpoints() {
  return {{text("NAMESPACE", "namespace"),
           text("SERVICE", "service"),
           text("PORT", "portName"),
           made("ADDRESS", endpoint_address),
           text("PROTOCOL", "protocol"),
           {"STATE", endpoint_state},
           made("WORKLOAD", workload_of),
           text("NODE", "node", true),
           text("ZONE", "zone", true),
           text("PROGRAMMED", "programmed", true)},
          endpoint_address};
}

ListView workloads() {
  return {{text("NAMESPACE", "namespace"), text("NAME", "name"), text("KIND", "kind"),
           made("PODS", pod_count, false, true), text("IDENTITY", "identity"), made("ADDRESSES", addresses),
           state("STATE", "status.state"), text("QUARANTINE", "quarantine.since"), text("NODE", "node", true),
           text("ZONE", "zone", true), text("ACCOUNT", "serviceAccount", true), made("PROCESS", process, true),
           made("PORTS", ports, true), text("REASON", "status.reason", true)},
          object_name};
}

ListView identities() {
  return {{text("ID", "id"), text("NAMESPACE", "namespace"), text("NAME", "name"), made("ADDRESSES", addresses)},
          object_name};
}

std::string policy_mode(const json& item) { return text_at(item, "mode") == "audit" ? "audit" : ""; }
std::string rule_count(const json& item) { return std::to_string(list_at(item, "rules").size()); }
std::string directions(const json& item) { return joined(texts_at(item, "directions"), ","); }

ListView policies() {
  return {{text("NAMESPACE", "namespace"),
           text("NAME", "name"),
           text("TIER", "tier"),
           {"PRIORITY", [](const json& item) { return Cell{text_at(item, "priority")}; }, true},
           made("DIRECTIONS", directions),
           {"WORKLOADS", [](const json& item) { return Cell{text_at(item, "workloads")}; }, true},
           made("RULES", rule_count, false, true),
           made("MODE", policy_mode),
           state("STATE", "status.state"),
           text("HERE", "localWorkloads", true),
           text("SUBJECT", "subject", true),
           text("REASON", "status.reason", true),
           text("ORIGIN", "origin", true)},
          object_name};
}

ListView objects() {
  return {{text("NAMESPACE", "namespace"), text("NAME", "name"), text("KIND", "kind"), state("STATE", "status.state"),
           text("REASON", "status.reason", true)},
          object_name};
}

std::string age(const json& item) { return duration_text(number_at(item, "durationMs")); }
std::string sent(const json& item) { return bytes_text(number_at(item, "sentBytes")); }
std::string received(const json& item) { return bytes_text(number_at(item, "receivedBytes")); }
std::string source(const json& item) { return end_text(item, "source", true); }
std::string destination(const json& item) { return end_text(item, "destination", true); }
std::string connection_name(const json& item) {
  return end_address(item, "source") + " " + end_address(item, "destination");
}
std::string rtt(const json& item) {
  return find_at(item, "rttUs") != nullptr ? microseconds_text(number_at(item, "rttUs")) : "";
}

ListView connections() {
  return {
      {made("AGE", age, false, true), made("SOURCE", source), made("DESTINATION", destination),
       text("SERVICE", "destination.service"), text("PROTOCOL", "protocol"), made("SENT", sent, false, true),
       made("RECEIVED", received, false, true), made("RTT", rtt, false, true), text("RETRANSMITS", "retransmits", true),
       text("PID", "process.pid", true), text("UNIT", "process.unit", true), text("ZONE FROM", "source.zone", true),
       text("ZONE TO", "destination.zone", true)},
      connection_name};
}

Cell check_state(const json& item) {
  auto value = text_at(item, "state");
  return {value, state_tone(value)};
}

ListView checks() {
  return {{{"STATE", check_state},
           text("CODE", "code"),
           text("SUBJECT", "subject"),
           text("DETAIL", "detail"),
           text("TITLE", "title", true),
           text("FIX", "fix", true)},
          [](const json& item) { return text_at(item, "code"); }};
}

}  // namespace

const ListView& list_view(const std::string& kind) {
  static const std::map<std::string, ListView> views = {
      {"services", services()},     {"endpoints", endpoints()},     {"workloads", workloads()},
      {"identities", identities()}, {"policies", policies()},       {"routes", objects()},
      {"certs", objects()},         {"connections", connections()}, {"checks", checks()}};
  return views.at(kind);
}

}  // namespace weft::cli
