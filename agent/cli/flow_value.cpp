#include "agent/cli/flow_value.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/cli/json_value.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

std::uint16_t port_at(const json& end) {
  auto port = number_at(end, "port");
  return port >= 0 && port <= 65535 ? static_cast<std::uint16_t>(port) : std::uint16_t{0};
}

FlowEnd end_value(const json& end) {
  FlowEnd value;
  if (auto name = text_at(end, "workload"); !name.empty())
    value.workload = std::make_shared<const NamespacedName>(text_at(end, "namespace"), name);
  if (auto pod = text_at(end, "pod"); !pod.empty()) value.pod = std::make_shared<const std::string>(pod);
  if (auto zone = text_at(end, "zone"); !zone.empty())
    value.place = std::make_shared<const Place>(Place{zone, text_at(end, "region")});
  value.address = {IpAddress::parse(text_at(end, "address")).value_or(IpAddress{}), port_at(end)};
  return value;
}

SharedName service_value(const std::string& text) {
  if (text.empty()) return nullptr;
  auto slash = text.find('/');
  if (slash == std::string::npos) return std::make_shared<const NamespacedName>("", text);
  return std::make_shared<const NamespacedName>(text.substr(0, slash), text.substr(slash + 1));
}

FlowKind kind_value(const std::string& text) {
  for (auto kind : {FlowKind::kClose, FlowKind::kDeny, FlowKind::kAudit})
    if (text == flow_kind_name(kind)) return kind;
  return FlowKind::kOpen;
}

FlowVerdict verdict_value(const std::string& text) {
  for (auto verdict : {FlowVerdict::kDenied, FlowVerdict::kNoEndpoint, FlowVerdict::kAudited})
    if (text == flow_verdict_name(verdict)) return verdict;
  return FlowVerdict::kAllowed;
}

std::uint8_t protocol_value(const std::string& text) {
  for (std::uint8_t protocol = 1; protocol != 0; ++protocol)
    if (text == protocol_text(protocol)) return protocol;
  return 0;
}

SharedRule policy_value(const json& flow) {
  auto name = text_at(flow, "policy.name");
  if (name.empty()) return nullptr;
  return std::make_shared<const RuleWords>(RuleWords{text_at(flow, "policy.kind"),
                                                     {text_at(flow, "policy.namespace"), name},
                                                     text_at(flow, "policy.rule"),
                                                     text_at(flow, "policy.tier")});
}

std::string_view direction_value(const std::string& text) {
  for (std::uint8_t i = 0; i < WEFT_DIRECTION_COUNT; ++i)
    if (text == direction_name(i)) return direction_name(i);
  return "";
}

// Flow keeps a view into the tables of flow.h.
std::string_view reason_value(const std::string& text) {
  for (std::uint8_t i = 0; i < WEFT_FAIL_REASON_COUNT; ++i)
    if (text == fail_reason_name(i)) return fail_reason_name(i);
  for (std::uint8_t i = 0; i < WEFT_CLOSE_REASON_COUNT; ++i)
    if (text == close_reason_name(i)) return close_reason_name(i);
  for (std::uint8_t i = 0; i < WEFT_VERDICT_REASON_COUNT; ++i)
    if (text == verdict_reason_name(i)) return verdict_reason_name(i);
  return "";
}

}  // namespace

Flow flow_value(const json& value) {
  static const json kNothing = json::object();
  auto end_at = [&](const char* name) {
    const auto* end = find_at(value, name);
    return end_value(end != nullptr ? *end : kNothing);
  };
  Flow flow;
  flow.kind = kind_value(text_at(value, "kind"));
  flow.verdict = verdict_value(text_at(value, "verdict"));
  flow.protocol = protocol_value(text_at(value, "protocol"));
  flow.reporter = text_at(value, "reporter") == "destination" ? WEFT_REPORTER_DESTINATION : WEFT_REPORTER_SOURCE;
  flow.reason = reason_value(text_at(value, "reason"));
  flow.direction = direction_value(text_at(value, "direction"));
  flow.policy = policy_value(value);
  flow.source = end_at("source");
  flow.destination = end_at("destination");
  flow.service = service_value(text_at(value, "destination.service"));
  if (auto address = SocketAddress::parse(text_at(value, "destination.serviceAddress")))
    flow.service_address = *address;
  if (auto unit = text_at(value, "process.unit"); !unit.empty())
    flow.process = std::make_shared<const ProcessPlace>(ProcessPlace{text_at(value, "process.cgroup"), unit});
  return flow;
}

}  // namespace weft::cli
