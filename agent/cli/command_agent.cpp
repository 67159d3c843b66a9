// Commands that change the agent or the node: reload and cleanup.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/cli/child.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/http.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kReloadLimit{60000};
constexpr std::chrono::milliseconds kCleanupLimit{120000};

std::string findings_text(const json& result) {
  std::string text;
  for (const auto& finding : list_at(result, "findings")) text += escaped(finding_line(finding)) + "\n";
  return text;
}

ListView cleanup_view() {
  auto column = [](std::string title, std::string field) {
    return Column{std::move(title),
                  [field = std::move(field)](const json& item) { return Cell{text_at(item, field)}; }};
  };
  return {{column("STATE", "state"), column("KIND", "kind"), column("PATH", "path"), column("REASON", "reason")},
          [](const json& item) { return text_at(item, "path"); }};
}

Outcome<> ask_before_cleanup(const Invocation& wanted) {
  if (wanted.yes || wanted.dry_run) return {};
  if (!can_ask())
    return failure(kUsage, "cleanup removes what weft owns, and there is no terminal to ask on",
                   "Use --yes, or --dry-run to look first.");
  if (confirm("Remove all programs, maps, links and files of weft on this node?")) return {};
  return failure(kFailed, "nothing was removed");
}

std::vector<std::string> cleanup_arguments(const Invocation& wanted) {
  std::vector<std::string> arguments = {"--cleanup"};
  if (wanted.dry_run) arguments.emplace_back("--dry-run");
  for (const auto& file : wanted.config_files) arguments.insert(arguments.end(), {"--config", file});
  return arguments;
}

ExitCode known_code(int code) {
  return code == kNoPermission ? kNoPermission : code == kInvalidInput ? kInvalidInput : kFailed;
}

}  // namespace

Outcome<ExitCode> run_reload(Session& session) {
  const auto& wanted = session.wanted;
  if (!wanted.bundle.empty()) return failure(kUsage, "a bug report cannot be reloaded", "Leave --from out.");
  auto answer = WEFT_TRY(http_call(find_socket(wanted), "POST", "/api/v1/reload", deadline_of(wanted, kReloadLimit)));
  auto result = parse_json(answer.body, "the answer of the agent").value_or(json::object());
  bool refused = answer.status == 422;
  if (answer.status != 200 && !refused) return std::unexpected(failure_of(answer, "/api/v1/reload"));
  auto text = [&] {
    auto last = refused ? "" : "revision " + text_at(result, "revision") + " is applied\n";
    return findings_text(result) + last;
  };
  WEFT_TRY(print_document(result, wanted.format(), session.console, text));
  if (!refused) return kOk;
  auto message = text_at(result, "message");
  return failure(kInvalidInput, message.empty() ? "the agent refused a part of it" : message,
                 "The last good version of what was refused stays in force; weft doc CODE explains a code.");
}

Outcome<ExitCode> run_cleanup(Session& session) {
  const auto& wanted = session.wanted;
  WEFT_TRY(ask_before_cleanup(wanted));
  auto weftd = WEFT_TRY(find_weftd());
  auto child = WEFT_TRY(run_child(weftd, cleanup_arguments(wanted), deadline_of(wanted, kCleanupLimit)));
  auto result = parse_json(child.output, "the answer of weftd");
  if (!result || !result->contains("items"))
    return failure(known_code(child.exit_code), fmt::format("weftd --cleanup ended with {}", child.exit_code),
                   child.exit_code == kNoPermission ? "Run as root." : "");
  auto format = wanted.format();
  bool is_table = format == Format::kTable || format == Format::kWide;
  if (is_table && list_at(*result, "items").empty())
    session.console.hint("there is nothing of weft on this node");
  else
    print_list(*result, cleanup_view(), format, session.console);
  if (child.exit_code != 0) return failure(known_code(child.exit_code), "not everything could be removed");
  return kOk;
}

}  // namespace weft::cli
