#include "agent/api/mitigation.hpp"

#include <fmt/format.h>

#include "agent/api/request.hpp"
#include "agent/base/duration.hpp"
#include "agent/model/deny_list.hpp"
#include "agent/model/names.hpp"
#include "agent/observe/flow.hpp"
#include "agent/observe/json_writer.hpp"

namespace weft {
namespace {

constexpr std::size_t kMaxDepth = 4;
constexpr std::size_t kMaxReason = 256;
constexpr std::size_t kMaxBlocks = 1000;  // of one call
constexpr std::uint64_t kLongestTtl = 10ull * 365 * 86400;

std::string read_reason(const JsonCursor& request) {
  auto reason = request.string("reason");
  if (reason.size() > kMaxReason || printable(reason, kMaxReason) != reason)
    request.problem(FindingCode::kFieldValue, "reason",
                    fmt::format("must be at most {} bytes without control characters", kMaxReason));
  return reason;
}

void read_blocks(const JsonCursor& request, DenyRequest& out) {
  auto items = request.items("cidrs");
  if (items.empty() || items.size() > kMaxBlocks)
    return request.problem(FindingCode::kFieldValue, "cidrs",
                           fmt::format("must be a list of 1 to {} blocks or addresses", kMaxBlocks));
  for (const auto& item : items) {
    auto text = item.as_string();
    if (!text) continue;
    auto cidr = parse_denied(*text);
    if (cidr)
      out.cidrs.push_back(*cidr);
    else
      item.problem(FindingCode::kBadBlock, {}, printable(cidr.error().what));
  }
}

void read_ttl(const JsonCursor& request, DenyRequest& out) {
  auto text = request.string("ttl");
  if (text.empty()) return;
  auto seconds = parse_seconds(text);
  if (!seconds || *seconds == 0 || *seconds > kLongestTtl)
    return request.problem(FindingCode::kFieldValue, "ttl", in_quotes(text) + " is not a time such as 30s, 10m or 7d");
  out.ttl_s = *seconds;
}

void write_denied(JsonWriter& json, const DeniedView& view) {
  json.begin_object().field("cidr", view.cidr);
  if (view.until_ns != 0) json.field("until", rfc3339(view.until_ns));
  if (view.by_command) {
    json.key("command").begin_object().field("time", rfc3339(view.added_ns)).field("uid", view.uid);
    json.field("pid", view.pid).field("reason", view.reason).end_object();
  }
  json.key("lists").begin_array();
  for (const auto& list : view.lists) json.value(list);
  json.end_array().field("packets", view.packets).field("bytes", view.bytes);
  if (view.last_ns != 0) json.field("last", rfc3339(view.last_ns));
  json.end_object();
}

void write_uplink(JsonWriter& json, const Attachment& uplink) {
  json.begin_object().field("interface", uplink.target).field("hook", uplink.hook);
  json.field("state", attachment_state_name(uplink.state)).field("detail", uplink.detail).end_object();
}

void write_audit(JsonWriter& json, const AuditView& record) {
  json.begin_object().field("time", rfc3339(record.time_ns)).field("uid", record.uid).field("pid", record.pid);
  json.field("action", record.action).field("subject", record.subject).field("detail", record.detail).end_object();
}

}  // namespace

Result<DenyRequest> parse_deny_request(std::string_view body) {
  DenyRequest out;
  WEFT_TRY(read_request(body, kMaxDepth, [&](const JsonCursor& request) {
    request.refuse_unknown({"action", "cidrs", "ttl", "reason", "force"});
    auto action = request.required_string("action");
    if (!action.empty() && action != "add" && action != "remove")
      request.problem(FindingCode::kFieldValue, "action", "must be add or remove, not " + in_quotes(action));
    out.remove = action == "remove";
    read_blocks(request, out);
    read_ttl(request, out);
    out.reason = read_reason(request);
    out.force = request.boolean("force", false);
  }));
  return out;
}

Result<QuarantineRequest> parse_quarantine_request(std::string_view body) {
  QuarantineRequest out;
  WEFT_TRY(read_request(body, kMaxDepth, [&](const JsonCursor& request) {
    request.refuse_unknown({"namespace", "workload", "release", "reason"});
    out.space = request.required_string("namespace");
    out.workload = request.required_string("workload");
    if (!out.space.empty() && !is_dns_label(out.space))
      request.problem(FindingCode::kBadName, "namespace", in_quotes(out.space) + " is not a valid name");
    if (!out.workload.empty() && !is_dns_subdomain(out.workload))
      request.problem(FindingCode::kBadName, "workload", in_quotes(out.workload) + " is not a valid name");
    out.release = request.boolean("release", false);
    out.reason = read_reason(request);
  }));
  return out;
}

std::string deny_list_json(const DenyListView& view) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("apiVersion", "weft/v1").field("kind", "DeniedList").key("items").begin_array();
  for (const auto& denied : view.denied) write_denied(json, denied);
  json.end_array().key("uplinks").begin_array();
  for (const auto& uplink : view.uplinks) write_uplink(json, uplink);
  json.end_array().field("problem", view.problem).key("audit").begin_array();
  for (const auto& record : view.audit) write_audit(json, record);
  json.end_array().end_object();
  return out += '\n';
}

void write_quarantine(JsonWriter& json, const QuarantineView& view) {
  json.field("namespace", view.space).field("workload", view.workload);
  json.field("since", rfc3339(view.since_ns)).field("uid", view.uid).field("reason", view.reason);
}

std::string quarantine_json(const QuarantineView& view, bool released) {
  std::string out;
  JsonWriter json(out);
  json.begin_object().field("apiVersion", "weft/v1").field("kind", "Quarantine").field("released", released);
  write_quarantine(json, view);
  json.end_object();
  return out += '\n';
}

}  // namespace weft
