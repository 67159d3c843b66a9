#include "agent/api/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/api/render.hpp"
#include "agent/api/request.hpp"
#include "agent/base/address.hpp"

namespace weft {
namespace {

constexpr std::size_t kMaxDepth = 8;  // of which a request needs four
constexpr std::size_t kMaxName = 253;
constexpr std::size_t kMaxMethod = 32;
constexpr std::size_t kMaxPath = 8192;
constexpr std::array<std::pair<std::string_view, std::uint8_t>, 4> kProtocols{
    {{"TCP", IPPROTO_TCP}, {"UDP", IPPROTO_UDP}, {"SCTP", IPPROTO_SCTP}, {"ICMP", IPPROTO_ICMP}}};

bool is_name_part(std::string_view text, bool dots) {
  return !text.empty() && text.size() <= kMaxName && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || (dots && c == '.');
  });
}

bool is_end(std::string_view text) {
  if (IpAddress::parse(text)) return true;
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  return is_name_part(text.substr(0, slash), false) && is_name_part(text.substr(slash + 1), true);
}

std::string read_end(const JsonCursor& query, std::string_view key) {
  auto text = query.required_string(key);
  if (!text.empty() && !is_end(text))
    query.problem(FindingCode::kFieldValue, key, in_quotes(text) + " is neither namespace/name nor an address");
  return text;
}

std::uint8_t read_protocol(const JsonCursor& query) {
  auto text = query.string("protocol", "TCP");
  for (const auto& [name, number] : kProtocols)
    if (name == text) return number;
  query.problem(FindingCode::kFieldValue, "protocol", in_quotes(text) + " is none of TCP, UDP, SCTP, ICMP");
  return IPPROTO_TCP;
}

std::uint16_t read_port(const JsonCursor& query, std::uint8_t protocol) {
  bool has_ports = protocol != IPPROTO_ICMP;
  auto port = has_ports ? query.required_integer("port", 1, 65535) : query.integer("port", 0, 0);
  return static_cast<std::uint16_t>(port.value_or(0));
}

std::string read_method(const JsonCursor& query) {
  auto text = query.string("method");
  bool fits = text.size() <= kMaxMethod &&
              std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isalpha(c) != 0 || c == '-'; });
  if (!fits) query.problem(FindingCode::kFieldValue, "method", in_quotes(text) + " is no HTTP method");
  return text;
}

std::string read_path(const JsonCursor& query) {
  auto text = query.string("path");
  if (!text.empty() && (text.front() != '/' || text.size() > kMaxPath))
    query.problem(FindingCode::kFieldValue, "path", "a path begins with / and has at most 8192 bytes");
  return text;
}

ExplainQuery read_query(const JsonCursor& query) {
  query.refuse_unknown({"source", "destination", "port", "protocol", "method", "path"});
  ExplainQuery out;
  out.source = read_end(query, "source");
  out.destination = read_end(query, "destination");
  out.protocol = read_protocol(query);
  out.port = read_port(query, out.protocol);
  out.method = read_method(query);
  out.path = read_path(query);
  return out;
}

void write_step(JsonWriter& json, const ExplainStep& step) {
  json.begin_object().field("stage", step.stage).field("result", step.result);
  json.text_field("object", step.object).text_field("rule", step.rule);
  json.text_field("reason", step.reason).text_field("detail", step.detail).end_object();
}

}  // namespace

std::string_view explain_verdict_name(ExplainView::Verdict verdict) {
  switch (verdict) {
    case ExplainView::Verdict::kAllowed:
      return "allowed";
    case ExplainView::Verdict::kDenied:
      return "denied";
    case ExplainView::Verdict::kNoEndpoint:
      return "no-endpoint";
    case ExplainView::Verdict::kUnknown:
      return "unknown";
  }
  return "";
}

Result<std::vector<ExplainQuery>> parse_explain_request(std::string_view body) {
  std::vector<ExplainQuery> queries;
  auto read = [&](const JsonCursor& request) {
    request.refuse_unknown({"queries"});
    if (!request.has("queries"))
      request.problem(FindingCode::kFieldValue, "queries", "is missing: a list of questions");
    auto items = request.objects("queries");
    if (items.size() > kMaxExplainQueries)
      return request.problem(FindingCode::kFieldValue, "queries",
                             fmt::format("{} questions; one call takes {}", items.size(), kMaxExplainQueries));
    for (const auto& item : items) queries.push_back(read_query(item));
  };
  WEFT_TRY(read_request(body, kMaxDepth, read, "expected {\"queries\":[…]}"));
  return queries;
}

void append_json(std::string& out, const ExplainView& view) {
  JsonWriter json(out);
  json.begin_object().field("verdict", explain_verdict_name(view.verdict));
  if (view.decided_by) write_decided_by(json, *view.decided_by);
  json.key("steps").begin_array();
  for (const auto& step : view.steps) write_step(json, step);
  json.end_array();
  if (!view.suggestion.empty()) json.key("suggestion").begin_object().field("manifest", view.suggestion).end_object();
  json.end_object();
}

}  // namespace weft
