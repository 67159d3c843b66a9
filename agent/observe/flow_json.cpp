#include <fmt/format.h>

#include <ctime>

#include "agent/observe/flow.hpp"
#include "agent/observe/json_writer.hpp"

namespace weft {
namespace {

void write_end(JsonWriter& json, const FlowEnd& end) {
  if (end.workload) json.text_field("namespace", end.workload->first).field("workload", end.workload->second);
  if (end.pod) json.text_field("pod", *end.pod);
  if (!end.address.address.is_unspecified()) json.field("address", end.address.address.text());
  if (end.address.port != 0) json.field("port", end.address.port);
  if (end.place) json.text_field("zone", end.place->zone).text_field("region", end.place->region);
}

void write_destination(JsonWriter& json, const Flow& flow) {
  json.key("destination").begin_object();
  write_end(json, flow.destination);
  if (flow.service) json.field("service", name_text(*flow.service));
  if (flow.service_address) json.field("serviceAddress", flow.service_address->text());
  json.end_object();
}

void write_policy(JsonWriter& json, const Flow& flow) {
  json.text_field("direction", flow.direction);
  if (!flow.policy) return;
  const auto& policy = *flow.policy;
  json.key("policy").begin_object().field("kind", policy.kind).text_field("namespace", policy.policy.first);
  json.field("name", policy.policy.second).field("rule", policy.rule).field("tier", policy.tier).end_object();
}

void write_amounts(JsonWriter& json, const Flow& flow) {
  bool closed = flow.kind == FlowKind::kClose;
  auto amount = [&](std::string_view name, std::uint64_t count) {
    if (closed || count != 0) json.field(name, count);
  };
  amount("sentBytes", flow.sent_bytes);
  amount("receivedBytes", flow.received_bytes);
  amount("sentPackets", flow.sent_packets);
  amount("receivedPackets", flow.received_packets);
  if (flow.rtt_us != 0) json.field("rttUs", flow.rtt_us);
  if (flow.protocol == IPPROTO_TCP) amount("retransmits", flow.retransmits);
  if (closed || flow.duration_ns != 0) json.field("durationMs", static_cast<double>(flow.duration_ns) / 1e6);
}

void write_process(JsonWriter& json, const Flow& flow) {
  if (flow.pid == 0 && flow.command.empty() && !flow.process) return;
  json.key("process").begin_object();
  if (flow.pid != 0) json.field("pid", flow.pid);
  json.text_field("command", flow.command);
  if (flow.process) json.text_field("cgroup", flow.process->cgroup).text_field("unit", flow.process->unit);
  json.end_object();
}

}  // namespace

std::string rfc3339(std::int64_t unix_ns) {
  std::int64_t seconds = unix_ns / 1'000'000'000;
  std::int64_t nanoseconds = unix_ns % 1'000'000'000;
  if (nanoseconds < 0) nanoseconds += 1'000'000'000, --seconds;
  std::time_t when = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&when, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, nanoseconds / 1000);
}

void append_flow_json(std::string& out, const Flow& flow) {
  JsonWriter json(out);
  json.begin_object();
  json.field("time", rfc3339(flow.time_ns)).field("kind", flow_kind_name(flow.kind));
  json.key("source").begin_object();
  write_end(json, flow.source);
  json.end_object();
  write_destination(json, flow);
  json.field("protocol", protocol_text(flow.protocol)).field("verdict", flow_verdict_name(flow.verdict));
  write_policy(json, flow);
  json.text_field("reason", flow.reason).field("reporter", reporter_name(flow.reporter));
  write_amounts(json, flow);
  write_process(json, flow);
  json.end_object();
}

std::string flow_json(const Flow& flow) {
  std::string out;
  append_flow_json(out, flow);
  return out;
}

}  // namespace weft
