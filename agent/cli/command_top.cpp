#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/rates.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kInterval{1000};
constexpr int kHeadLines = 2;  // of a picture, above the rows

volatile std::sig_atomic_t g_stopped = 0;

// Control-C ends the wait between two pictures.
void stop_on_signals() {
  struct sigaction action{};
  action.sa_handler = [](int) { g_stopped = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

void wait_a_round() {
  timespec left{std::chrono::duration_cast<std::chrono::seconds>(kInterval).count(), 0};
  ::nanosleep(&left, nullptr);
}

std::string picture(const json& rows, const std::string& by, const Invocation& wanted, const Console& console,
                    bool live) {
  if (rows.empty()) return "no traffic seen yet\n";
  auto shown = rows;
  auto room = live ? console.height() - kHeadLines - 1 : 0;
  if (room > 0 && static_cast<int>(shown.size()) > room) shown.erase(shown.begin() + room, shown.end());
  return table_text(shown, rate_view(by), wanted.format() == Format::kWide, console);
}

Outcome<> show_round(Source& source, Session& session, bool live) {
  const auto& wanted = session.wanted;
  auto edges = WEFT_TRY(source.get("edges"));
  auto rows = rank_rates(edges, wanted.by);
  auto format = wanted.format();
  if (format != Format::kTable && format != Format::kWide) {
    json document = {{"apiVersion", "weft/v1"}, {"kind", "RateList"}, {"by", wanted.by}, {"items", rows}};
    print_list(document, rate_view(wanted.by), format, session.console);
    return {};
  }
  auto text = picture(rows, wanted.by, wanted, session.console, live);
  // Home and clear to the end, rather than a cleared screen: no flicker.
  session.console.out(live ? "\x1b[H\x1b[2J" + text : text);
  return {};
}

}  // namespace

Outcome<ExitCode> run_top(Session& session) {
  const auto& wanted = session.wanted;
  auto source = WEFT_TRY(open_source(wanted));
  auto rounds = wanted.once || !wanted.bundle.empty() ? 1 : wanted.rounds;
  bool live = session.console.is_terminal() && rounds == 0;
  stop_on_signals();
  for (std::uint32_t round = 0; g_stopped == 0 && (rounds == 0 || round < rounds); ++round) {
    if (round > 0) wait_a_round();
    if (g_stopped != 0) break;
    if (round > 0 && !live && wanted.format() == Format::kTable) session.console.out("\n");
    WEFT_TRY(show_round(*source, session, live));
    session.console.flush();
    if (session.console.write_failed()) break;
  }
  return kOk;
}

}  // namespace weft::cli
