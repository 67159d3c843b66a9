#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <nlohmann/json.hpp>

#include "agent/base/address.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kExplainLimit{10000};
constexpr int kStageWidth = 13;
constexpr int kResultWidth = 13;
constexpr int kTextWidth = 100;  // where a terminal does not say otherwise

Outcome<std::string> end_of(const std::string& text, const std::string& space) {
  if (auto address = IpAddress::parse(text)) return address->text();
  if (text.find('/') != std::string::npos) return text;
  if (!space.empty() && !text.empty()) return space + "/" + text;
  return failure(kUsage, "'" + text + "' is neither namespace/name nor an address",
                 "Say namespace/name, or the namespace with -n.");
}

std::optional<std::uint16_t> port_of(std::string_view text) {
  unsigned port = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port < 1 || port > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(port);
}

struct Destination {
  std::string name;
  std::optional<std::uint16_t> port;
};

// "shop/web:80", "10.0.0.1:80", "[fd00::1]:80", each also without a port.
Outcome<Destination> destination_of(const std::string& text) {
  if (IpAddress::parse(text)) return Destination{text, std::nullopt};
  auto colon = text.rfind(':');
  if (colon == std::string::npos) return Destination{text, std::nullopt};
  auto port = port_of(std::string_view(text).substr(colon + 1));
  if (!port)
    return failure(kUsage, "'" + text.substr(colon + 1) + "' is no port", "A port is a number from 1 to 65535.");
  auto name = text.substr(0, colon);
  if (name.starts_with('[') && name.ends_with(']')) name = name.substr(1, name.size() - 2);
  return Destination{name, port};
}

Outcome<json> query_of(const Invocation& wanted) {
  auto destination = WEFT_TRY(destination_of(wanted.destination));
  auto protocol = wanted.protocol;
  std::ranges::transform(protocol, protocol.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  bool has_ports = protocol != "ICMP";
  if (has_ports && !destination.port)
    return failure(kUsage, "'" + wanted.destination + "' names no port", "Say DESTINATION:PORT, such as shop/web:80.");
  if (!has_ports && destination.port) return failure(kUsage, "ICMP has no ports", "Leave :PORT out.");
  json query{{"source", WEFT_TRY(end_of(wanted.name, wanted.space))},
             {"destination", WEFT_TRY(end_of(destination.name, wanted.space))},
             {"protocol", protocol}};
  if (destination.port) query["port"] = *destination.port;
  if (!wanted.method.empty()) query["method"] = wanted.method;
  if (!wanted.path.empty()) query["path"] = wanted.path;
  return query;
}

std::string step_text(const json& step, const Console& console) {
  auto result = text_at(step, "result");
  auto object = text_at(step, "object");
  if (auto rule = text_at(step, "rule"); !rule.empty()) object += " " + rule;
  auto detail = text_at(step, "detail");
  std::string line = console.paint(padded(escaped(text_at(step, "stage")), kStageWidth), Tone::kBold);
  line += console.paint(padded(escaped(result), kResultWidth), state_tone(result));
  if (!object.empty()) line += escaped(object);
  auto indent = std::string(kStageWidth + kResultWidth, ' ');
  auto width = (console.width() > 0 ? std::max(console.width(), 60) : kTextWidth) - kStageWidth - kResultWidth;
  bool first = object.empty();
  for (const auto& part : wrapped(escaped(detail), width)) {
    if (part.empty()) continue;
    line += (first ? "" : "\n" + indent) + part;
    first = false;
  }
  return line + "\n";
}

std::string verdict_text(const json& item, const Console& console) {
  auto verdict = text_at(item, "verdict");
  auto line = console.paint(escaped(verdict), state_tone(verdict));
  auto policy = full_name(text_at(item, "decidedBy.namespace"), text_at(item, "decidedBy.name"));
  if (policy.empty()) return line;
  return line + escaped(fmt::format(" by {} {}, rule {}, tier {}", text_at(item, "decidedBy.kind"), policy,
                                    text_at(item, "decidedBy.rule"), text_at(item, "decidedBy.tier")));
}

std::string explanation_text(const json& query, const json& item, const Console& console) {
  auto destination = text_at(query, "destination");
  if (auto port = text_at(query, "port"); !port.empty())
    destination = (destination.find(':') == std::string::npos ? destination : "[" + destination + "]") + ":" + port;
  auto text = fmt::format("{} {} {} {}\n\n", escaped(text_at(query, "source")), console.arrow(), escaped(destination),
                          text_at(query, "protocol"));
  for (const auto& step : list_at(item, "steps")) text += step_text(step, console);
  text += "\n" + verdict_text(item, console) + "\n";
  if (auto manifest = text_at(item, "suggestion.manifest"); !manifest.empty()) {
    text += "\nThis would allow it:\n\n";
    for (const auto& line : split_lines(manifest)) text += "  " + escaped(line) + "\n";
  }
  return text;
}

ExitCode code_of(const std::string& verdict) {
  if (verdict == "allowed") return kOk;
  return verdict == "denied" ? kVerdictDeny : kFailed;
}

}  // namespace

Outcome<ExitCode> run_explain(Session& session) {
  const auto& wanted = session.wanted;
  if (!wanted.bundle.empty())
    return failure(kUsage, "a bug report has no programs to ask", "Leave --from out; the running agent answers.");
  auto query = WEFT_TRY(query_of(wanted));
  json request{{"queries", json::array({query})}};
  auto document = WEFT_TRY(post(wanted, "/api/v1/explain", request, kExplainLimit));
  const auto& items = list_at(document, "items");
  if (items.size() != 1) return failure(kFailed, "the agent gave no answer", "Are weft and weftd of the same version?");
  WEFT_TRY(print_document(document, wanted.format(), session.console,
                          [&] { return explanation_text(query, items.front(), session.console); }));
  return code_of(text_at(items.front(), "verdict"));
}

}  // namespace weft::cli
