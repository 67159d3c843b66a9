#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr double kPressing = 0.8;  // fill of a map that needs a look

// Lines of "Heading     text".
class Screen {
 public:
  explicit Screen(const Console& console) : console_(console) {}

  void line(const std::string& heading, const std::string& text, Tone tone = Tone::kPlain) {
    auto shown = heading == last_ ? "" : heading;
    last_ = heading;
    text_ += console_.paint(padded(shown, 12), Tone::kBold) + console_.paint(escaped(text), tone) + "\n";
  }
  std::string take() { return std::move(text_); }

 private:
  const Console& console_;
  std::string last_;
  std::string text_;
};

std::string count(const json& status, const char* path) {
  auto text = text_at(status, path);
  return text.empty() ? "0" : text;
}

void show_head(const json& status, Screen& screen) {
  auto zone = text_at(status, "node.zone");
  auto region = text_at(status, "node.region");
  std::string where = text_at(status, "node.name");
  if (!zone.empty()) where += ", zone " + zone;
  if (!region.empty()) where += ", region " + region;
  screen.line("Agent", "weft " + text_at(status, "version") + " on " + where + ", up " +
                           duration_text(number_at(status, "uptimeSeconds") * 1000));
  bool ready = is_true_at(status, "ready");
  screen.line("State",
              fmt::format("{}, revision {} of {} applied", ready ? "ready" : "not ready",
                          count(status, "revision.applied"), count(status, "revision.desired")),
              state_tone(ready ? "ready" : "not ready"));
  screen.line("Mesh", fmt::format("{} services, {} endpoints, {} workloads, {} edges", count(status, "services"),
                                  count(status, "endpoints"), count(status, "workloads"), count(status, "edges")));
  screen.line("Traffic", fmt::format("{} opened, {} failed, {} sent, {} received",
                                     rate_text(number_at(status, "rates.openedPerSecond")),
                                     rate_text(number_at(status, "rates.failedPerSecond")),
                                     byte_rate_text(number_at(status, "rates.sentBytesPerSecond")),
                                     byte_rate_text(number_at(status, "rates.receivedBytesPerSecond"))));
  auto lost = number_at(status, "events.lost");
  screen.line("Events", fmt::format("{} told, {} lost", count(status, "events.total"), count(status, "events.lost")),
              lost > 0 ? Tone::kWarning : Tone::kPlain);
}

void show_sources(const json& status, Screen& screen) {
  for (const auto& source : list_at(status, "sources")) {
    bool synced = is_true_at(source, "synced");
    auto line = fmt::format("{}: {}, {} objects", text_at(source, "name"), synced ? "synced" : "not synced",
                            count(source, "objects"));
    if (auto change = text_at(source, "lastChange"); !change.empty()) line += ", last change " + change;
    screen.line("Sources", line, synced ? Tone::kPlain : Tone::kWarning);
  }
}

void show_datapath(const json& status, Screen& screen) {
  std::map<std::string, int> on_pods;  // two a pod are too many for a screen: only what is wrong has a line
  for (const auto& attachment : list_at(status, "attachments")) {
    auto state = text_at(attachment, "state");
    if (auto hook = text_at(attachment, "hook"); state == "attached" && hook.starts_with("pod_")) {
      ++on_pods[hook];
      continue;
    }
    auto detail = text_at(attachment, "detail");
    screen.line("Programs",
                fmt::format("{} {} at {}{}", padded(text_at(attachment, "hook"), 14), state,
                            text_at(attachment, "target"), detail.empty() ? "" : ": " + detail),
                state == "attached" ? Tone::kPlain : state_tone(state));
  }
  for (const auto& [hook, interfaces] : on_pods)
    screen.line("Programs", fmt::format("{} attached at {} interfaces of pods", padded(hook, 14), interfaces));
  for (const auto& map : list_at(status, "maps")) {
    auto most = number_at(map, "max");
    auto share = most > 0 ? number_at(map, "entries") / most : 0;
    screen.line("Maps",
                fmt::format("{} {:>9} of {:>9} {:>3.0f}%", padded(text_at(map, "name"), 18), count(map, "entries"),
                            count(map, "max"), share * 100),
                share >= kPressing ? Tone::kWarning : Tone::kPlain);
  }
  for (const auto& feature : list_at(status, "features"))
    if (!is_true_at(feature, "available"))
      screen.line("Degraded", text_at(feature, "name") + ": " + text_at(feature, "detail"), Tone::kWarning);
}

void show_mitigations(const json& status, Screen& screen) {
  if (number_at(status, "denyList.entries") > 0) {
    auto problem = text_at(status, "denyList.problem");
    screen.line("Deny list",
                fmt::format("{} entries on {} of {} uplinks{}", count(status, "denyList.entries"),
                            count(status, "denyList.guarded"), count(status, "denyList.uplinks"),
                            problem.empty() ? "" : ": " + problem),
                problem.empty() ? Tone::kPlain : Tone::kBad);
  }
  for (const auto& item : list_at(status, "quarantined")) {
    auto reason = text_at(item, "reason");
    screen.line("Quarantine",
                fmt::format("{}/{} by uid {} at {}{}", text_at(item, "namespace"), text_at(item, "workload"),
                            text_at(item, "uid"), text_at(item, "since"), reason.empty() ? "" : ": " + reason),
                Tone::kWarning);
  }
}

void show_rest(const json& status, Screen& screen) {
  if (auto repaired = number_at(status, "driftRepaired"); repaired > 0)
    screen.line("Drift", fmt::format("{:.0f} entries repaired", repaired), Tone::kWarning);
  screen.line("Proxy", text_at(status, "proxy.mode").empty() ? "off" : text_at(status, "proxy.mode"));
  for (const auto& object : list_at(status, "unenforced"))
    screen.line(
        "Unenforced",
        fmt::format("{}/{}: {}", text_at(object, "namespace"), text_at(object, "pod"), text_at(object, "reason")),
        Tone::kBad);
  for (const auto& finding : list_at(status, "findings")) {
    bool is_error = text_at(finding, "severity") == "error";
    screen.line("Findings", finding_line(finding), is_error ? Tone::kBad : Tone::kWarning);
  }
  auto shown = static_cast<double>(list_at(status, "findings").size());
  if (auto total = number_at(status, "findingsTotal"); total > shown)
    screen.line("Findings", fmt::format("and {:.0f} more", total - shown), Tone::kWarning);
}

std::string screen_text(const json& status, const Console& console) {
  Screen screen(console);
  show_head(status, screen);
  show_sources(status, screen);
  show_datapath(status, screen);
  show_mitigations(status, screen);
  show_rest(status, screen);
  return screen.take();
}

}  // namespace

Outcome<ExitCode> run_status(Session& session) {
  auto source = WEFT_TRY(open_source(session.wanted));
  auto status = WEFT_TRY(source->get("status"));
  WEFT_TRY(print_document(status, session.wanted.format(), session.console,
                          [&] { return screen_text(status, session.console); }));
  return kOk;
}

}  // namespace weft::cli
