#include <algorithm>

#include "agent/api/render.hpp"

namespace weft {
namespace {

void begin_document(JsonWriter& json, std::string_view kind) {
  json.begin_object().field("apiVersion", "weft/v1").field("kind", kind);
}

std::string finish(std::string text) { return std::move(text += '\n'); }

void write_identity(JsonWriter& json, const StatusView& view) {
  json.field("ready", view.readiness.ready).text_field("notReadyReason", view.readiness.reason);
  json.field("version", view.version).key("node").begin_object();
  json.field("name", view.node_name).field("zone", view.zone).field("region", view.region).end_object();
  json.field("startedAt", rfc3339(view.started_ns)).field("uptimeSeconds", view.uptime_s);
}

void write_counts(JsonWriter& json, const StatusView& view) {
  json.key("revision").begin_object();
  json.field("desired", view.revision_desired).field("applied", view.revision_applied).end_object();
  json.field("workloads", view.workloads).field("services", view.services);
  json.field("endpoints", view.endpoints).field("edges", view.edges);
  write_rates(json, view.rates);
}

void write_sources(JsonWriter& json, const std::vector<SourceView>& sources) {
  json.key("sources").begin_array();
  for (const auto& source : sources) {
    json.begin_object().field("name", source.name).field("synced", source.synced).field("objects", source.objects);
    if (source.last_change_ns != 0) json.field("lastChange", rfc3339(source.last_change_ns));
    json.field("findings", source.findings).end_object();
  }
  json.end_array();
}

void write_kernel(JsonWriter& json, const StatusView& view) {
  json.key("features").begin_array();
  for (const auto& feature : view.features) {
    json.begin_object().field("name", feature.name).field("available", feature.available);
    json.field("detail", feature.detail).end_object();
  }
  json.end_array().key("attachments").begin_array();
  for (const auto& attachment : view.attachments) {
    json.begin_object().field("hook", attachment.hook).field("target", attachment.target);
    json.field("state", attachment_state_name(attachment.state)).field("detail", attachment.detail).end_object();
  }
  json.end_array().key("maps").begin_array();
  for (const auto& map : view.maps)
    json.begin_object().field("name", map.name).field("entries", map.entries).field("max", map.max).end_object();
  json.end_array();
}

void write_mitigations(JsonWriter& json, const StatusView& view) {
  json.key("denyList").begin_object().field("entries", view.denied).field("uplinks", view.uplinks);
  json.field("guarded", view.guarded).field("problem", view.deny_problem).end_object();
  json.key("quarantined").begin_array();
  for (const auto& quarantine : view.quarantined) {
    json.begin_object();
    write_quarantine(json, quarantine);
    json.end_object();
  }
  json.end_array();
}

std::string_view state_name(CheckView::State state) {
  switch (state) {
    case CheckView::State::kOk:
      return "ok";
    case CheckView::State::kWarning:
      return "warning";
    case CheckView::State::kError:
      return "error";
  }
  return "";
}

}  // namespace

void write_findings(JsonWriter& json, const std::vector<Diagnostic>& findings, std::size_t most) {
  json.key("findings").begin_array();
  for (std::size_t i = 0; i < std::min(findings.size(), most); ++i) {
    std::string item;
    append_json(item, findings[i]);
    json.raw(item);
  }
  json.end_array();
}

void append_json(std::string& out, const Diagnostic& finding) {
  JsonWriter json(out);
  bool error = finding.severity == Diagnostic::Severity::kError;
  json.begin_object().field("severity", error ? "error" : "warning").field("code", finding.code);
  json.field("object", finding.object.name.empty() ? std::string() : finding.object.text());
  json.field("field", finding.field).field("reason", finding.reason).field("origin", finding.origin).end_object();
}

void append_json(std::string& out, const CheckView& check) {
  JsonWriter json(out);
  json.begin_object().field("code", check.code).field("title", check.title).field("state", state_name(check.state));
  json.field("subject", check.subject).field("detail", check.detail).field("fix", check.fix).end_object();
}

std::string status_json(const StatusView& view) {
  std::string out;
  JsonWriter json(out);
  begin_document(json, "Status");
  write_identity(json, view);
  write_counts(json, view);
  write_sources(json, view.sources);
  write_kernel(json, view);
  write_mitigations(json, view);
  json.key("events").begin_object().field("total", view.events_total).field("lost", view.events_lost).end_object();
  json.field("driftRepaired", view.drift_repaired).key("lag").begin_object();
  auto lag = view.revision_desired > view.revision_applied ? view.revision_desired - view.revision_applied : 0;
  json.field("revisions", lag).end_object();
  write_findings(json, view.findings, kMaxStatusFindings);
  json.field("findingsTotal", view.findings_total).key("proxy").begin_object().field("mode", "off").end_object();
  json.key("unenforced").begin_array();
  for (const auto& pod : view.unenforced) {
    json.begin_object().field("namespace", pod.pod.first).field("pod", pod.pod.second);
    json.field("workload", pod.workload.first + "/" + pod.workload.second).field("reason", pod.reason).end_object();
  }
  json.end_array().field("unenforcedTotal", view.unenforced_total).end_object();
  return finish(std::move(out));
}

std::string config_json(const ConfigView& view) {
  std::string out;
  JsonWriter json(out);
  begin_document(json, "Config");
  json.key("values").raw(view.values_json).key("origins").begin_object();
  for (const auto& [pointer, origin] : view.origins) json.field(pointer, origin);
  json.end_object().end_object();
  return finish(std::move(out));
}

std::string reload_json(const ReloadView& view) {
  std::string out;
  JsonWriter json(out);
  begin_document(json, view.applied ? "ReloadResult" : "Error");
  if (view.applied)
    json.field("revision", view.revision);
  else
    json.field("code", 65).field("message", view.message);
  write_findings(json, view.findings, view.findings.size());
  json.end_object();
  return finish(std::move(out));
}

std::string log_level_json(std::string_view level) {
  std::string out;
  JsonWriter json(out);
  begin_document(json, "LogLevel");
  json.field("level", level).end_object();
  return finish(std::move(out));
}

std::string lost_json(std::uint64_t count) {
  std::string out;
  JsonWriter(out).begin_object().field("kind", "lost").field("count", count).end_object();
  return out;
}

std::string summary_json(std::uint64_t flows, std::uint64_t lost) {
  std::string out;
  JsonWriter(out).begin_object().field("kind", "summary").field("flows", flows).field("lost", lost).end_object();
  return out;
}

}  // namespace weft
