#include "agent/cli/print.hpp"

#include <nlohmann/json.hpp>

#include "agent/cli/json_value.hpp"
#include "agent/cli/text.hpp"
#include "agent/cli/yaml_text.hpp"

namespace weft::cli {

using nlohmann::json;

std::string table_text(const json& items, const ListView& view, bool wide, const Console& console) {
  std::vector<Heading> headings;
  for (const auto& column : view.columns)
    if (wide || !column.wide) headings.push_back({column.title, column.right});
  Table table(std::move(headings));
  for (const auto& item : items) {
    std::vector<Cell> cells;
    for (const auto& column : view.columns)
      if (wide || !column.wide) cells.push_back(column.cell(item));
    table.add(std::move(cells));
  }
  return table.text(console);
}

void print_list(const json& document, const ListView& view, Format format, Console& console) {
  const auto& items = list_at(document, "items");
  switch (format) {
    case Format::kTable:
    case Format::kWide:
      if (items.empty()) return console.hint("nothing found");
      return console.out(table_text(items, view, format == Format::kWide, console));
    case Format::kJson:
      return console.out(safe_json(document, 2) + "\n");
    case Format::kYaml:
      return console.out(yaml_text(document));
    case Format::kJsonl:
      for (const auto& item : items) console.out(safe_json(item, -1) + "\n");
      return;
    case Format::kName:
      for (const auto& item : items) console.out(escaped(view.name(item)) + "\n");
      return;
  }
}

Outcome<> print_document(const json& document, Format format, Console& console,
                         const std::function<std::string()>& text) {
  switch (format) {
    case Format::kTable:
    case Format::kWide:
      console.out(text());
      return {};
    case Format::kJson:
      console.out(safe_json(document, 2) + "\n");
      return {};
    case Format::kJsonl:
      console.out(safe_json(document, -1) + "\n");
      return {};
    case Format::kYaml:
      console.out(yaml_text(document));
      return {};
    case Format::kName:
      return failure(kUsage, "-o name is for lists", "Use -o json, yaml or table.");
  }
  return {};
}

Tone state_tone(const std::string& state) {
  for (const auto* good : {"Programmed", "ok", "ready", "attached", "synced", "allowed"})
    if (state == good) return Tone::kGood;
  for (const auto* bad : {"Error", "error", "missing", "not ready", "denied", "no-endpoint", "not synced"})
    if (state == bad) return Tone::kBad;
  for (const auto* warning : {"Accepted", "warning", "terminating", "foreign", "Pending"})
    if (state == warning) return Tone::kWarning;
  return Tone::kPlain;
}

std::string finding_line(const json& finding) {
  std::string line;
  for (const auto* field : {"severity", "code", "object", "field"})
    if (auto text = text_at(finding, field); !text.empty()) line += (line.empty() ? "" : " ") + text;
  line += ": " + text_at(finding, "reason");
  if (auto origin = text_at(finding, "origin"); !origin.empty()) line += " (" + origin + ")";
  return line;
}

}  // namespace weft::cli
