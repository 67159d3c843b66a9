// Commands against an attack under way: deny and quarantine.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/base/duration.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kChangeLimit{10000};
constexpr std::string_view kDenyPath = "/api/v1/deny";
constexpr std::string_view kQuarantinePath = "/api/v1/quarantine";

std::string denied_by(const json& item) {
  auto lists = texts_at(item, "lists");
  std::vector<std::string> by;
  if (find_at(item, "command") != nullptr) by.push_back("uid " + text_at(item, "command.uid"));
  for (const auto& list : lists) by.push_back("DenyList " + list);
  return joined(by, ", ");
}

std::string until(const json& item) {
  auto text = text_at(item, "until");
  return text.empty() ? "for ever" : text;
}

ListView denied_view() {
  return {{{"CIDR", [](const json& item) { return Cell{text_at(item, "cidr")}; }},
           {"UNTIL", [](const json& item) { return Cell{until(item)}; }},
           {"HITS", [](const json& item) { return Cell{text_at(item, "packets")}; }, true},
           {"BYTES", [](const json& item) { return Cell{bytes_text(number_at(item, "bytes"))}; }, true},
           {"BY", [](const json& item) { return Cell{denied_by(item)}; }},
           {"REASON", [](const json& item) { return Cell{text_at(item, "command.reason")}; }},
           {"LAST", [](const json& item) { return Cell{text_at(item, "last")}; }, false, true}},
          [](const json& item) { return text_at(item, "cidr"); }};
}

void hint_problem(const json& document, Console& console) {
  if (auto problem = text_at(document, "problem"); !problem.empty())
    console.hint("the deny list is not in force as it should be: " + escaped(problem));
}

Outcome<json> change(const Invocation& wanted, std::string_view path, const json& request) {
  if (!wanted.bundle.empty()) return failure(kUsage, "a bug report cannot be changed", "Leave --from out.");
  return post(wanted, std::string(path), request, kChangeLimit);
}

Outcome<ExitCode> change_deny_list(Session& session, const char* action) {
  const auto& wanted = session.wanted;
  json request{{"action", action}, {"cidrs", wanted.words}};
  if (!wanted.ttl.empty()) {
    if (!parse_seconds(wanted.ttl))
      return failure(kUsage, "--ttl: '" + wanted.ttl + "' is not a time", "Say 30s, 10m, 1h30m or 7d.");
    request["ttl"] = wanted.ttl;
  }
  if (!wanted.reason.empty()) request["reason"] = wanted.reason;
  if (wanted.force) request["force"] = true;
  auto document = WEFT_TRY(change(wanted, kDenyPath, request));
  bool added = std::string_view(action) == "add";
  auto text = [&] {
    std::string lines;
    for (const auto& cidr : wanted.words)
      lines += fmt::format("{} {}\n", escaped(cidr), added ? "is denied" : "is not denied by command any more");
    return lines;
  };
  WEFT_TRY(print_document(document, wanted.format(), session.console, text));
  if (added) hint_problem(document, session.console);
  return kOk;
}

struct Workload {
  std::string space, name;
};

Outcome<Workload> workload_of(const Invocation& wanted) {
  auto slash = wanted.name.find('/');
  if (slash != std::string::npos) return Workload{wanted.name.substr(0, slash), wanted.name.substr(slash + 1)};
  if (!wanted.space.empty()) return Workload{wanted.space, wanted.name};
  return failure(kUsage, "'" + wanted.name + "' names no namespace", "Say namespace/name, or the namespace with -n.");
}

}  // namespace

Outcome<ExitCode> run_deny_add(Session& session) { return change_deny_list(session, "add"); }
Outcome<ExitCode> run_deny_remove(Session& session) { return change_deny_list(session, "remove"); }

Outcome<ExitCode> run_deny_list(Session& session) {
  auto source = WEFT_TRY(open_agent(session.wanted));
  auto document = WEFT_TRY(source->get("deny"));
  print_list(document, denied_view(), session.wanted.format(), session.console);
  if (!list_at(document, "items").empty()) hint_problem(document, session.console);
  return kOk;
}

Outcome<ExitCode> run_quarantine(Session& session) {
  const auto& wanted = session.wanted;
  auto workload = WEFT_TRY(workload_of(wanted));
  json request{{"namespace", workload.space}, {"workload", workload.name}};
  if (wanted.undo) request["release"] = true;
  if (!wanted.reason.empty()) request["reason"] = wanted.reason;
  auto document = WEFT_TRY(change(wanted, kQuarantinePath, request));
  auto name = full_name(text_at(document, "namespace"), text_at(document, "workload"));
  auto text = [&] {
    return wanted.undo ? fmt::format("{} is released\n", escaped(name))
                       : fmt::format(
                             "{} is in quarantine: it reaches, and is reached by, its own node alone\n"
                             "weft quarantine --undo {} takes it back\n",
                             escaped(name), escaped(name));
  };
  WEFT_TRY(print_document(document, wanted.format(), session.console, text));
  return kOk;
}

}  // namespace weft::cli
