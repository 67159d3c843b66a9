#include "agent/api/policy_trial.hpp"

#include <fmt/format.h>

#include "agent/api/render.hpp"
#include "agent/api/request.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

constexpr std::size_t kMaxDepth = 8;
constexpr std::int64_t kLongestLast_s = 3600;  // what is remembered

std::chrono::seconds read_last(const JsonCursor& cursor) {
  return std::chrono::seconds(cursor.integer("lastSeconds", 1, kLongestLast_s).value_or(kLongestLast_s));
}

void write_seen(JsonWriter& json, const SeenView& seen) {
  json.key("seen").begin_object().field("since", rfc3339(seen.since_ns)).field("until", rfc3339(seen.until_ns));
  json.field("connections", seen.connections).field("unrecorded", seen.unrecorded).end_object();
}

void write_end(JsonWriter& json, std::string_view key, const NamespacedName& end) {
  json.key(key).begin_object();
  if (end.first.empty())
    json.field("address", end.second);
  else
    json.field("namespace", end.first).field("workload", end.second);
  json.end_object();
}

void write_edge(JsonWriter& json, const TrialEdgeView& edge) {
  json.begin_object();
  write_end(json, "source", edge.source);
  write_end(json, "destination", edge.destination);
  json.field("port", edge.port).field("protocol", edge.protocol).field("connections", edge.connections);
  json.field("lastSeen", rfc3339(edge.last_ns)).field("direction", edge.direction);
  if (edge.decided_by) write_decided_by(json, *edge.decided_by);
  json.field("detail", edge.detail).end_object();
}

void write_part(JsonWriter& json, std::string_view key, const PolicyTrialView::Part& part) {
  json.key(key).begin_object().field("edges", part.edges).field("connections", part.connections);
  json.key("items").begin_array();
  for (const auto& edge : part.items) write_edge(json, edge);
  json.end_array().end_object();
}

void write_refused(JsonWriter& json, const std::vector<Diagnostic>& refused) {
  const auto& first = refused.front();
  auto message = first.origin + ": " + (first.object.name.empty() ? "" : first.object.text() + ": ") +
                 (first.field.empty() ? "" : first.field + ": ") + first.reason;
  json.field("kind", "Error").field("code", 65).field("message", message);
  write_findings(json, refused, refused.size());
}

}  // namespace

Result<PolicyTryRequest> parse_policy_try(std::string_view body) {
  PolicyTryRequest request;
  WEFT_TRY(read_request(body, kMaxDepth, [&](const JsonCursor& cursor) {
    cursor.refuse_unknown({"files", "lastSeconds", "delete"});
    request.last = read_last(cursor);
    request.remove = cursor.boolean("delete", false);
    auto files = cursor.objects("files");
    if (files.empty() || files.size() > kMaxTryFiles)
      cursor.problem(FindingCode::kFieldValue, "files",
                     fmt::format("expected 1 to {} of {{\"name\":\"a.yaml\",\"text\":\"…\"}}", kMaxTryFiles));
    for (const auto& file : files) {
      file.refuse_unknown({"name", "text"});
      request.files.push_back({file.required_string("name"), file.string("text")});
    }
  }));
  return request;
}

Result<PolicySuggestRequest> parse_policy_suggest(std::string_view body) {
  PolicySuggestRequest request;
  WEFT_TRY(read_request(body, kMaxDepth, [&](const JsonCursor& cursor) {
    cursor.refuse_unknown({"namespace", "workload", "lastSeconds"});
    request.last = read_last(cursor);
    request.workload = {cursor.string("namespace"), cursor.string("workload")};
  }));
  return request;
}

std::string policy_trial_json(const PolicyTrialView& view) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("apiVersion", "weft/v1");
  if (!view.refused.empty()) {
    write_refused(json, view.refused);
  } else {
    json.field("kind", "PolicyTrial");
    write_seen(json, view.seen);
    json.field("objects", view.objects).field("ignored", view.ignored).field("absent", view.absent);
    write_part(json, "newlyDenied", view.newly_denied);
    write_part(json, "newlyAllowed", view.newly_allowed);
  }
  json.end_object();
  return out + '\n';
}

std::string policy_suggestion_json(const PolicySuggestionView& view) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("apiVersion", "weft/v1").field("kind", "PolicySuggestion");
  write_seen(json, view.seen);
  json.key("items").begin_array();
  for (const auto& draft : view.items) {
    json.begin_object().field("namespace", draft.workload.first).field("workload", draft.workload.second);
    json.field("connections", draft.connections).field("inexpressible", draft.inexpressible);
    json.text_field("manifest", draft.manifest).text_field("problem", draft.problem).end_object();
  }
  json.end_array().end_object();
  return out + '\n';
}

}  // namespace weft
