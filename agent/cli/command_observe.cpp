#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/cli/filter_words.hpp"
#include "agent/cli/flow_text.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"
#include "agent/cli/yaml_text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

// "12:00:01.123" of an RFC 3339 time; the whole of it with -o wide.
std::string time_text(const json& flow, bool wide) {
  auto time = text_at(flow, "time");
  auto day = time.find('T');
  if (wide || day == std::string::npos) return time;
  return time.substr(day + 1, 12);
}

std::string route_text(const json& flow, bool wide, std::string_view arrow) {
  auto text = end_text(flow, "source", wide) + " " + std::string(arrow) + " " + end_text(flow, "destination", wide);
  auto service = text_at(flow, "destination.service");
  if (service.empty()) return text;
  auto address = text_at(flow, "destination.serviceAddress");
  return text + " (" + service + (wide && !address.empty() ? " " + address : "") + ")";
}

std::string amounts_text(const json& flow) {
  std::string text;
  if (find_at(flow, "sentBytes") != nullptr)
    text = "sent " + bytes_text(number_at(flow, "sentBytes")) + ", received " +
           bytes_text(number_at(flow, "receivedBytes"));
  if (find_at(flow, "durationMs") != nullptr)
    text += (text.empty() ? "" : ", ") + duration_text(number_at(flow, "durationMs"));
  if (find_at(flow, "rttUs") != nullptr)
    text += (text.empty() ? "rtt " : ", rtt ") + microseconds_text(number_at(flow, "rttUs"));
  return text;
}

std::string filter_of(const Invocation& wanted) {
  auto words = join_filter_words(wanted.words);
  if (wanted.verdict.empty()) return words;
  return "verdict=" + wanted.verdict + (words.empty() ? "" : " and (" + words + ")");
}

// "denied (default_deny) by NetworkPolicy shop/web default".
std::string verdict_text(const json& flow) {
  auto text = text_at(flow, "verdict");
  if (auto reason = text_at(flow, "reason"); !reason.empty()) text += " (" + reason + ")";
  auto policy = full_name(text_at(flow, "policy.namespace"), text_at(flow, "policy.name"));
  if (policy.empty()) return text;
  return text + " by " + text_at(flow, "policy.kind") + " " + policy + " " + text_at(flow, "policy.rule");
}

Tone verdict_tone(const std::string& verdict) {
  if (verdict == "allowed") return Tone::kPlain;
  return verdict == "audited" ? Tone::kWarning : Tone::kBad;
}

// Prints flows as lines whose columns grow as wider values come; nothing is held back.
class FlowPrinter {
 public:
  FlowPrinter(Console& console, Format format) : console_(console), format_(format) {}

  Outcome<> print(std::string_view line) {
    auto flow = WEFT_TRY(parse_json(line, "a line of the agent"));
    auto kind = text_at(flow, "kind");
    if (kind == "lost") {
      tell_loss(flow);
    } else if (kind == "summary") {
      lost_ = std::max(lost_, number_at(flow, "lost"));
    } else {
      ++flows_;
      print_flow(flow);
    }
    return {};
  }

  json summary() const { return {{"kind", "summary"}, {"flows", flows_}, {"lost", static_cast<std::uint64_t>(lost_)}}; }

 private:
  void tell_loss(const json& flow) {
    lost_ += number_at(flow, "count");
    if (format_ == Format::kJson || format_ == Format::kJsonl)
      console_.out(safe_json(flow, -1) + "\n");
    else
      console_.hint(text_at(flow, "count") + " flows were lost here");
  }

  void print_flow(const json& flow) {
    bool wide = format_ == Format::kWide;
    switch (format_) {
      case Format::kTable:
      case Format::kWide:
        console_.out(table_line(flow, wide));
        break;
      case Format::kJson:
      case Format::kJsonl:
        console_.out(safe_json(flow, -1) + "\n");
        break;
      case Format::kYaml:
        console_.out("---\n" + yaml_text(flow));
        break;
      case Format::kName:
        console_.out(escaped(end_address(flow, "source") + " " + end_address(flow, "destination")) + "\n");
    }
    console_.flush();
  }

  std::string table_line(const json& flow, bool wide) {
    std::array<std::string, 4> cells = {time_text(flow, wide), text_at(flow, "kind"), text_at(flow, "protocol"),
                                        route_text(flow, wide, console_.arrow())};
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      auto cell = escaped(cells[i]);
      widths_[i] = std::min(std::max(widths_[i], display_width(cell)), kWidestCell);
      line += padded(cell, widths_[i]) + "  ";
    }
    auto tail = verdict_text(flow);
    if (auto amounts = amounts_text(flow); !amounts.empty()) tail += "  " + amounts;
    auto unit = text_at(flow, "process.unit");
    if (wide && !unit.empty()) tail += "  " + unit;
    line += escaped(tail);
    auto width = console_.width();
    auto shown = width > 0 ? cut_to(line, width, console_.ellipsis()) : line;
    return console_.paint(shown, verdict_tone(text_at(flow, "verdict"))) + "\n";
  }

  static constexpr int kWidestCell = 80;
  Console& console_;
  Format format_;
  std::array<int, 4> widths_ = {12, 5, 4, 40};
  std::uint64_t flows_ = 0;
  double lost_ = 0;
};

}  // namespace

Outcome<ExitCode> run_observe(Session& session) {
  const auto& wanted = session.wanted;
  auto format = wanted.format();
  FlowPrinter printer(session.console, format);
  auto source = WEFT_TRY(open_source(wanted));
  Outcome<> printed;
  FlowQuery query{filter_of(wanted), wanted.last, wanted.follow};
  auto ended = source->flows(query, [&](std::string_view line) { return (printed = printer.print(line)).has_value(); });
  // What was seen until a failure is still summed up.
  auto summary = printer.summary();
  if (ended || ended.error().code == kTimeout || summary["flows"] != 0) {
    if (format == Format::kJson || format == Format::kJsonl)
      session.console.out(summary.dump() + "\n");
    else
      session.console.hint(fmt::format("{} flows, {} lost", summary["flows"].dump(), summary["lost"].dump()));
  }
  WEFT_TRY(std::move(ended));
  WEFT_TRY(std::move(printed));
  return kOk;
}

}  // namespace weft::cli
