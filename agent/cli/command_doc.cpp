#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/base/findings.hpp"
#include "agent/base/version.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/nearest.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr int kTextWidth = 80;

json finding_json(const Finding& finding) {
  return {{"code", finding_code(finding.code)},
          {"title", finding.title},
          {"cause", finding.cause},
          {"fix", finding.fix},
          {"text", finding.text}};
}

std::string part(const std::string& heading, std::string_view text) {
  std::string lines;
  for (const auto& line : wrapped(text, kTextWidth - 8))
    lines += (lines.empty() ? padded(heading, 8) : std::string(8, ' ')) + line + "\n";
  return lines;
}

std::string finding_text(const Finding& finding, const Console& console) {
  auto head = finding_code(finding.code) + "  " + std::string(finding.title);
  return console.paint(head, Tone::kBold) + "\n\n" + part("Cause", finding.cause) + "\n" + part("Fix", finding.fix) +
         "\n" + part("", finding.text);
}

ListView findings_view() {
  auto column = [](std::string title, std::string field, bool wide) {
    return Column{std::move(title), [field = std::move(field)](const json& item) { return Cell{text_at(item, field)}; },
                  false, wide};
  };
  return {{column("CODE", "code", false), column("TITLE", "title", false), column("FIX", "fix", true)},
          [](const json& item) { return text_at(item, "code"); }};
}

Outcome<ExitCode> list_findings(Session& session) {
  auto items = json::array();
  for (const auto& finding : findings()) items.push_back(finding_json(finding));
  print_list({{"apiVersion", "weft/v1"}, {"kind", "FindingDocList"}, {"items", items}}, findings_view(),
             session.wanted.format(), session.console);
  return kOk;
}

Failure unknown_code(const std::string& code) {
  std::vector<std::string> codes;
  for (const auto& finding : findings()) codes.push_back(finding_code(finding.code));
  return {kInvalidInput, "there is no finding '" + code + "'" + did_you_mean(code, codes), "List all with weft doc."};
}

}  // namespace

Outcome<ExitCode> run_doc(Session& session) {
  const auto& code = session.wanted.name;
  if (code.empty()) return list_findings(session);
  const auto* finding = find_finding(code);
  if (finding == nullptr) return std::unexpected(unknown_code(code));
  auto document = finding_json(*finding);
  document["apiVersion"] = "weft/v1";
  document["kind"] = "FindingDoc";
  WEFT_TRY(print_document(document, session.wanted.format(), session.console,
                          [&] { return finding_text(*finding, session.console); }));
  return kOk;
}

Outcome<ExitCode> run_version(Session& session) {
  json document = {{"apiVersion", "weft/v1"}, {"kind", "Version"}, {"client", {{"version", weft_version()}}}};
  auto status = WEFT_TRY(open_source(session.wanted))->get("status");
  if (status) document["server"] = {{"version", text_at(*status, "version")}};
  auto text = [&] {
    auto server = status ? text_at(*status, "version") : "not reachable";
    return fmt::format("weft  {}\nweftd {}\n", weft_version(), escaped(server));
  };
  WEFT_TRY(print_document(document, session.wanted.format(), session.console, text));
  return kOk;
}

}  // namespace weft::cli
