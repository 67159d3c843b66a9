#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/findings.hpp"
#include "agent/cli/child.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kProbeLimit{60000};  // loading every program once takes seconds on a slow machine

Outcome<json> probe_node(const Invocation& wanted) {
  auto weftd = WEFT_TRY(find_weftd());
  std::vector<std::string> arguments = {"--probe"};
  for (const auto& file : wanted.config_files) arguments.insert(arguments.end(), {"--config", file});
  auto result = WEFT_TRY(run_child(weftd, arguments, deadline_of(wanted, kProbeLimit)));
  auto document = parse_json(result.output, "the answer of weftd --probe");
  if (document && document->contains("items")) return document;
  return failure(result.exit_code == kNoPermission ? kNoPermission : kFailed,
                 fmt::format("weftd --probe ended with {} and printed no checks", result.exit_code),
                 "Run it as root to see why: " + weftd + " --probe");
}

Outcome<json> get_checks(const Invocation& wanted) {
  auto source = WEFT_TRY(open_source(wanted));
  return source->get("checks");
}

// A failed check explains itself; a passed one is one line.
std::string checks_text(const json& document, bool wide, const Console& console) {
  const auto& items = list_at(document, "items");
  auto text = table_text(items, list_view("checks"), wide, console);
  for (const auto& item : items) {
    auto state = text_at(item, "state");
    auto fix = text_at(item, "fix");
    if (state == "ok" || fix.empty()) continue;
    auto heading = fmt::format("\n{} {}: ", escaped(text_at(item, "code")), escaped(text_at(item, "title")));
    text += console.paint(heading, state_tone(state)) + escaped(fix) + "\n";
  }
  return text;
}

std::size_t count_state(const json& items, std::string_view state) {
  return static_cast<std::size_t>(
      std::ranges::count_if(items, [&](const json& item) { return text_at(item, "state") == state; }));
}

// Warnings that become failures when nobody acts. Others tell what is so, or what happened once, and ask for nothing.
bool asks_to_act(const json& item) {
  return text_at(item, "state") == "warning" && text_at(item, "code") == finding_code(FindingCode::kNodeMapPressure);
}

}  // namespace

Outcome<ExitCode> run_check(Session& session) {
  const auto& wanted = session.wanted;
  auto document = WEFT_TRY(wanted.pre ? probe_node(wanted) : get_checks(wanted));
  const auto& items = list_at(document, "items");
  auto errors = count_state(items, "error");
  auto format = wanted.format();
  if (format == Format::kTable || format == Format::kWide) {
    session.console.out(checks_text(document, format == Format::kWide, session.console));
    session.console.hint(fmt::format("{} checks: {} ok, {} warnings, {} errors", items.size(), count_state(items, "ok"),
                                     count_state(items, "warning"), errors));
  } else {
    print_list(document, list_view("checks"), format, session.console);
  }
  return errors > 0 || std::ranges::any_of(items, asks_to_act) ? kProblemsFound : kOk;
}

}  // namespace weft::cli
