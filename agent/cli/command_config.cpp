#include <nlohmann/json.hpp>

#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/table.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/load.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

Outcome<json> load_document(const Invocation& wanted, const Console& console) {
  auto loaded = load_config({wanted.config_files, wanted.settings});
  for (const auto& finding : loaded.findings) console.hint(escaped(finding.text()));
  if (!loaded.usable())
    return failure(kInvalidInput, "the configuration is not valid", "See weft.yaml(5) for every key.");
  return json{{"apiVersion", "weft/v1"},
              {"kind", "Config"},
              {"values", config_values(loaded.config)},
              {"origins", loaded.origins}};
}

// Files are meant when they are named; else the agent is asked first.
Outcome<json> get_document(const Invocation& wanted, const Console& console) {
  bool files_meant = !wanted.config_files.empty() || !wanted.settings.empty();
  if (wanted.bundle.empty() && files_meant) return load_document(wanted, console);
  auto source = WEFT_TRY(open_source(wanted));
  auto document = source->get("config");
  if (document || !wanted.bundle.empty()) return document;
  auto code = document.error().code;
  if (code != kNotReachable && code != kNoPermission) return document;
  console.hint("no agent answers: this is what weftd would use");
  return load_document(wanted, console);
}

std::string value_text(const json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

std::string settings_text(const json& document, bool with_origin, const Console& console) {
  std::vector<Heading> headings = {{"KEY"}, {"VALUE"}};
  if (with_origin) headings.push_back({"ORIGIN"});
  Table table(headings);
  const auto* origins = find_at(document, "origins");
  const auto* values = find_at(document, "values");
  for (const auto& key : config_keys()) {
    auto pointer = config_pointer(key.path);
    json::json_pointer place(pointer);
    if (values == nullptr || !values->contains(place)) continue;
    auto origin = origins != nullptr && origins->contains(pointer) ? value_text((*origins)[pointer]) : "";
    table.add({{std::string(key.path)},
               {value_text((*values)[place])},
               {origin, origin == "default" ? Tone::kFaint : Tone::kPlain}});
  }
  return table.text(console);
}

}  // namespace

Outcome<ExitCode> run_config_show(Session& session) {
  const auto& wanted = session.wanted;
  auto document = WEFT_TRY(get_document(wanted, session.console));
  bool with_origin = wanted.origin || wanted.format() == Format::kWide;
  WEFT_TRY(print_document(document, wanted.format(), session.console,
                          [&] { return settings_text(document, with_origin, session.console); }));
  return kOk;
}

Outcome<ExitCode> run_config_schema(Session& session) {
  session.console.out(config_schema());
  return kOk;
}

Outcome<ExitCode> run_config_path(Session& session) {
  const auto& wanted = session.wanted;
  auto loaded = load_config({wanted.config_files, wanted.settings});
  auto items = json::array();
  for (const auto& path : loaded.files) items.push_back({{"path", path}});
  json document = {{"apiVersion", "weft/v1"}, {"kind", "ConfigFileList"}, {"items", items}};
  auto path_of = [](const json& item) { return text_at(item, "path"); };
  ListView view{{{"PATH", [=](const json& item) { return Cell{path_of(item)}; }}}, path_of};
  auto format = wanted.format();
  print_list(document, view, format == Format::kTable || format == Format::kWide ? Format::kName : format,
             session.console);
  if (loaded.files.empty()) session.console.hint("no configuration file is there: the defaults are in force");
  for (const auto& finding : loaded.findings)
    if (finding.code == FindingCode::kConfigUnreadable)
      return failure(kInvalidInput, finding.origin + ": " + finding.reason, "Check the path and its permissions.");
  return kOk;
}

}  // namespace weft::cli
