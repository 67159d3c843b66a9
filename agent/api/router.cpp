#include "agent/api/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/api/bodies.hpp"
#include "agent/api/render.hpp"

namespace weft {
namespace {

using Query = std::vector<std::pair<std::string, std::string>>;
using Answer = Result<HttpResponse>;  // an error is a bad request

HttpResponse text_response(unsigned status, std::string text, std::string_view type = "application/json") {
  HttpResponse response;
  response.status = status;
  response.content_type = type;
  response.text = std::move(text);
  return response;
}

Result<ListQuery> list_query(const Query& query) {
  ListQuery out;
  for (const auto& [key, value] : query) {
    if (key == "namespace")
      out.space = value;
    else if (key == "name")
      out.name = value;
    else
      return fail(fmt::format("unknown query parameter {}: this takes namespace and name", key));
  }
  return out;
}

Result<bool> parse_flag(std::string_view key, std::string_view value) {
  if (value.empty() || value == "1" || value == "true") return true;
  if (value == "0" || value == "false") return false;
  return fail(fmt::format("{}={}: expected 1 or 0", key, value));
}

Result<std::size_t> parse_count(std::string_view key, std::string_view value) {
  std::size_t count = 0;
  auto [end, problem] = std::from_chars(value.data(), value.data() + value.size(), count);
  if (problem != std::errc() || end != value.data() + value.size())
    return fail(fmt::format("{}={}: expected a number", key, value));
  return count;
}

Result<FlowQuery> flow_query(const Query& query, bool event_stream) {
  FlowQuery out;
  out.event_stream = event_stream;
  std::optional<std::size_t> last;
  for (const auto& [key, value] : query) {
    if (key == "filter")
      out.filter = WEFT_TRY(Filter::parse(value));
    else if (key == "follow")
      out.follow = WEFT_TRY(parse_flag(key, value));
    else if (key == "last")
      last = WEFT_TRY(parse_count(key, value));
    else
      return fail(fmt::format("unknown query parameter {}: this takes filter, follow and last", key));
  }
  out.last = std::min(last.value_or(out.follow ? 0 : FlowLog::kCapacity), FlowLog::kCapacity);
  return out;
}

constexpr auto kAppend = [](std::string& out, const auto& view) { append_json(out, view); };

bool end_matches(const ListQuery& query, const SharedName& name) {
  return name && query.matches(name->first, name->second);
}

// Hands on what either end of it matches.
template <class View, class Names>
Source<View> either_end(Source<View> source, ListQuery query, Names names) {
  return [source = std::move(source), query = std::move(query), names](View& view) mutable {
    while (source(view)) {
      auto [from, to] = names(view);
      if (end_matches(query, from) || end_matches(query, to)) return true;
    }
    return false;
  };
}

Answer get_livez(Backend&, const Query&, bool) { return text_response(200, "ok\n", "text/plain"); }

Answer get_readyz(Backend& backend, const Query&, bool) { return readiness_response(backend.readiness()); }

Answer get_metrics(Backend& backend, const Query&, bool) { return metrics_response(backend.metrics()); }

Answer get_status(Backend& backend, const Query&, bool) { return text_response(200, status_json(backend.status())); }

Answer get_config(Backend& backend, const Query&, bool) { return text_response(200, config_json(backend.config())); }

Answer get_deny_list(Backend& backend, const Query&, bool) {
  auto view = backend.deny_list();
  if (!view) return error_response(500, view.error().what);
  return text_response(200, deny_list_json(*view));
}

Answer get_checks(Backend& backend, const Query&, bool) {
  return list_response("CheckList", source_of(backend.checks()), kAppend);
}

Answer get_services(Backend& backend, const Query& query, bool) {
  return list_response("ServiceList", backend.services(WEFT_TRY(list_query(query))), kAppend);
}

Answer get_endpoints(Backend& backend, const Query& query, bool) {
  return list_response("EndpointList", backend.endpoints(WEFT_TRY(list_query(query))), kAppend);
}

Answer get_workloads(Backend& backend, const Query& query, bool) {
  return list_response("WorkloadList", backend.workloads(WEFT_TRY(list_query(query))), kAppend);
}

Answer get_identities(Backend& backend, const Query& query, bool) {
  return list_response("IdentityList", backend.identities(WEFT_TRY(list_query(query))), kAppend);
}

Answer get_policies(Backend& backend, const Query& query, bool) {
  return list_response("PolicyList", backend.policies(WEFT_TRY(list_query(query))), kAppend);
}

Answer get_connections(Backend& backend, const Query& query, bool) {
  auto wanted = WEFT_TRY(list_query(query));
  auto source = backend.connections();
  if (!source) return error_response(500, source.error().what);
  auto ends = [](const Flow& flow) { return std::pair(flow.source.workload, flow.destination.workload); };
  return list_response("ConnectionList", either_end(std::move(*source), std::move(wanted), ends),
                       [](std::string& out, const Flow& flow) { append_flow_json(out, flow); });
}

Answer get_edges(Backend& backend, const Query& query, bool) {
  auto wanted = WEFT_TRY(list_query(query));
  auto ends = [](const EdgeSummary& edge) { return std::pair(edge.names.source, edge.names.destination); };
  return list_response("EdgeList", either_end(source_of(backend.edges()), std::move(wanted), ends),
                       [offset = backend.wall_offset_ns()](std::string& out, const EdgeSummary& edge) {
                         append_json(out, edge, offset);
                       });
}

// Kinds that this version has none of.
template <char const* kKind>
Answer get_nothing(Backend&, const Query& query, bool) {
  WEFT_TRY(list_query(query));
  return text_response(200, list_head(kKind) + std::string(list_tail()));
}
constexpr char kRouteList[] = "RouteList";
constexpr char kCertList[] = "CertList";

Answer get_flows(Backend& backend, const Query& query, bool event_stream) {
  auto wanted = WEFT_TRY(flow_query(query, event_stream));
  if (wanted.last == 0) wanted.since_ns = backend.now_ns();  // else old and new ones follow each other without a gap
  return flows_response(backend.flows(), std::move(wanted));
}

struct Route {
  std::string_view path;
  Answer (*get)(Backend&, const Query&, bool event_stream);
};

constexpr auto kReads = std::to_array<Route>({{"/livez", get_livez},
                                              {"/readyz", get_readyz},
                                              {"/metrics", get_metrics},
                                              {"/api/v1/status", get_status},
                                              {"/api/v1/checks", get_checks},
                                              {"/api/v1/services", get_services},
                                              {"/api/v1/endpoints", get_endpoints},
                                              {"/api/v1/workloads", get_workloads},
                                              {"/api/v1/identities", get_identities},
                                              {"/api/v1/connections", get_connections},
                                              {"/api/v1/edges", get_edges},
                                              {"/api/v1/policies", get_policies},
                                              {"/api/v1/routes", get_nothing<kRouteList>},
                                              {"/api/v1/certs", get_nothing<kCertList>},
                                              {"/api/v1/config", get_config},
                                              {"/api/v1/flows", get_flows}});

// A refusal that whoever asks can do something about, or a failure of ours.
HttpResponse refusal(const Error& error) {
  bool asked_wrong = error.code == EINVAL || error.code == EPERM || error.code == EEXIST || error.code == ENOENT ||
                     error.code == ENOSPC;
  return error_response(asked_wrong ? 422 : 500, error.what);
}

void deny(Backend& backend, const HttpRequest& request, HttpReply reply) {
  auto wanted = parse_deny_request(request.body);
  if (!wanted) return reply(error_response(400, wanted.error().what));
  auto done = backend.change_deny_list(*wanted, request.peer);
  if (!done) return reply(refusal(done.error()));
  auto view = backend.deny_list();
  reply(view ? text_response(200, deny_list_json(*view)) : refusal(view.error()));
}

void post_quarantine(Backend& backend, const HttpRequest& request, HttpReply reply) {
  auto wanted = parse_quarantine_request(request.body);
  if (!wanted) return reply(error_response(400, wanted.error().what));
  auto done = backend.quarantine(*wanted, request.peer);
  reply(done ? text_response(200, quarantine_json(*done, wanted->release)) : refusal(done.error()));
}

void post_reload(Backend& backend, const HttpRequest&, HttpReply reply) {
  backend.reload([reply = std::move(reply)](ReloadView view) mutable {
    reply(text_response(view.applied ? 200 : 422, reload_json(view)));
  });
}

void post_log(Backend& backend, const HttpRequest& request, HttpReply reply) {
  auto body = nlohmann::json::parse(request.body, nullptr, false);
  bool valid = body.is_object() && body.size() == 1 && body.contains("level") && body["level"].is_string();
  if (!valid) return reply(error_response(400, "expected {\"level\":\"debug\"} (trace, debug, info, warn or error)"));
  auto level = body["level"].get<std::string>();
  auto done = backend.set_log_level(level);
  reply(done ? text_response(200, log_level_json(level)) : error_response(400, done.error().what));
}

void post_explain(Backend& backend, const HttpRequest& request, HttpReply reply) {
  auto queries = parse_explain_request(request.body);
  if (!queries) return reply(error_response(400, queries.error().what));
  reply(list_response("ExplanationList", backend.explain(std::move(*queries)), kAppend));
}

// One trial at a time: it takes a processor for itself.
HttpResponse busy_response(const Error& error) { return error_response(error.code == EBUSY ? 503 : 500, error.what); }

void post_policy_try(Backend& backend, const HttpRequest& request, HttpReply reply) {
  auto wanted = parse_policy_try(request.body);
  if (!wanted) return reply(error_response(400, wanted.error().what));
  backend.try_policies(std::move(*wanted), [reply = std::move(reply)](Result<PolicyTrialView> view) mutable {
    if (!view) return reply(busy_response(view.error()));
    reply(text_response(view->refused.empty() ? 200 : 422, policy_trial_json(*view)));
  });
}

void post_policy_suggest(Backend& backend, const HttpRequest& request, HttpReply reply) {
  auto wanted = parse_policy_suggest(request.body);
  if (!wanted) return reply(error_response(400, wanted.error().what));
  backend.suggest_policies(std::move(*wanted), [reply = std::move(reply)](Result<PolicySuggestionView> view) mutable {
    reply(view ? text_response(200, policy_suggestion_json(*view)) : busy_response(view.error()));
  });
}
constexpr std::string_view kDenyPath = "/api/v1/deny";  // read by all, changed by few

struct Change {
  std::string_view path;
  void (*post)(Backend&, const HttpRequest&, HttpReply);
};

constexpr auto kChanges = std::to_array<Change>(
    {{"/api/v1/reload", post_reload}, {"/api/v1/log", post_log}, {"/api/v1/quarantine", post_quarantine}});

// Questions too large for a path; they change nothing, so whoever may read may ask.
constexpr auto kQuestions = std::to_array<Change>({{"/api/v1/explain", post_explain},
                                                   {"/api/v1/policy/try", post_policy_try},
                                                   {"/api/v1/policy/suggest", post_policy_suggest}});

HttpResponse not_allowed(const HttpRequest& request, std::string_view path, std::string_view allow) {
  auto response = error_response(405, fmt::format("{} {}: allowed here: {}", request.method, path, allow));
  response.allow = allow;
  return response;
}

void change(Backend& backend, const Change& route, const HttpRequest& request, HttpReply reply) {
  if (request.method != "POST") return reply(not_allowed(request, route.path, "POST"));
  if (!request.peer.may_change)
    return reply(error_response(403, "not permitted: changes are for root and the agent's own user"));
  route.post(backend, request, std::move(reply));
}

void ask(Backend& backend, const Change& route, const HttpRequest& request, HttpReply reply) {
  if (request.method != "POST") return reply(not_allowed(request, route.path, "POST"));
  route.post(backend, request, std::move(reply));
}

HttpResponse read(Backend& backend, const Route& route, const Query& query, const HttpRequest& request) {
  if (request.method != "GET" && request.method != "HEAD") return not_allowed(request, route.path, "GET, HEAD");
  auto answer = route.get(backend, query, request.wants_event_stream);
  return answer ? std::move(*answer) : error_response(400, answer.error().what);
}

}  // namespace

HttpResponse readiness_response(const Readiness& readiness) {
  if (readiness.ready) return text_response(200, "ready\n", "text/plain");
  return text_response(503, "not ready: " + readiness.reason + "\n", "text/plain");
}

void Router::handle(HttpRequest request, HttpReply reply) const {
  auto target = parse_target(request.target);
  if (!target) return reply(error_response(400, "the path is not absolute or holds a malformed %-escape"));
  for (const auto& route : kReads)
    if (route.path == target->path) return reply(read(backend_, route, target->query, request));
  for (const auto& route : kQuestions)
    if (route.path == target->path) return ask(backend_, route, request, std::move(reply));
  for (const auto& route : kChanges)
    if (route.path == target->path) return change(backend_, route, request, std::move(reply));
  if (target->path == kDenyPath)
    return request.method == "POST" ? change(backend_, {kDenyPath, deny}, request, std::move(reply))
                                    : reply(read(backend_, {kDenyPath, get_deny_list}, target->query, request));
  reply(error_response(404, fmt::format("there is no {}", target->path)));
}

}  // namespace weft
