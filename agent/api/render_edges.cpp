#include "agent/api/render.hpp"

namespace weft {
namespace {

void write_name(JsonWriter& json, const NamespacedName& name) {
  json.field("namespace", name.first).field("workload", name.second);
}

void write_counters(JsonWriter& json, const EdgeCounters& totals) {
  json.field("opened", totals[kSlotOpened]).key("closed").begin_object();
  for (std::uint8_t i = 0; i < WEFT_CLOSE_REASON_COUNT; ++i) json.field(close_reason_name(i), totals[kSlotClosed + i]);
  json.end_object().key("failed").begin_object();
  for (std::uint8_t i = 0; i < WEFT_FAIL_REASON_COUNT; ++i) json.field(fail_reason_name(i), totals[kSlotFailed + i]);
  json.end_object();
}

void write_volume(JsonWriter& json, const EdgeCounters& totals) {
  json.field("sentBytes", totals[kSlotSentBytes]).field("receivedBytes", totals[kSlotReceivedBytes]);
  json.field("sentPackets", totals[kSlotSentPackets]).field("receivedPackets", totals[kSlotReceivedPackets]);
  json.field("retransmits", totals[kSlotRetransmits]).field("interZoneBytes", totals[kSlotInterZone]);
}

void write_average(JsonWriter& json, std::string_view name, std::uint64_t sum_us, std::uint64_t count) {
  if (count != 0) json.field(name, static_cast<double>(sum_us) / static_cast<double>(count) / 1000.0);
}

}  // namespace

void write_rates(JsonWriter& json, const EdgeRates& rates) {
  json.key("rates").begin_object();
  json.field("openedPerSecond", rates.opened_per_s).field("failedPerSecond", rates.failed_per_s);
  json.field("sentBytesPerSecond", rates.sent_bytes_per_s).field("receivedBytesPerSecond", rates.received_bytes_per_s);
  json.end_object();
}

void append_json(std::string& out, const EdgeSummary& edge, std::int64_t wall_offset_ns) {
  JsonWriter json(out);
  json.begin_object().key("source").begin_object();
  write_name(json, *edge.names.source);
  json.end_object().key("destination").begin_object();
  write_name(json, *edge.names.destination);
  if (edge.names.service) json.field("service", name_text(*edge.names.service));
  json.field("port", edge.names.port).end_object();
  json.field("protocol", transport_name(edge.names.protocol)).field("reporter", reporter_name(edge.names.reporter));
  write_counters(json, edge.totals);
  json.field("active", edge.active);
  write_volume(json, edge.totals);
  write_average(json, "rttMsAverage", edge.rtt_sum_us, edge.rtt_count);
  write_average(json, "connectMsAverage", edge.connect_sum_us, edge.connect_count);
  write_rates(json, edge.rates);
  json.field("lastSeen", rfc3339(static_cast<std::int64_t>(edge.last_ns) + wall_offset_ns)).end_object();
}

}  // namespace weft
