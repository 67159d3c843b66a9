#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/base/findings.hpp"
#include "agent/cli/help.hpp"
#include "agent/cli/reference.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/keys.hpp"

namespace weft::cli {
namespace {

constexpr const char* kGenerated = "\n<!-- Written by `weft man --markdown docs/reference`; a test compares. -->\n";

// Text for a cell of a table.
std::string cell(std::string_view text) {
  std::string safe;
  for (char c : text)
    safe += c == '|' ? "\\|" : c == '<' ? "&lt;" : c == '*' ? "\\*" : c == '_' ? "\\_" : std::string(1, c);
  return safe;
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

std::string options_table(const std::vector<OptionInfo>& options) {
  std::string text = "\n| option | meaning |\n|---|---|\n";
  for (const auto& option : options)
    text += fmt::format("| {} | {} |\n", code(option_heading(option)), cell(option_sentence(option)));
  return text;
}

std::string command_section(const CommandInfo& command) {
  auto text = fmt::format("\n## weft {}\n\n{}\n\n    {}\n", command.name, cell(command.summary), usage_line(command));
  for (const auto& line : split_lines(command.details)) text += "\n" + cell(line) + "\n";
  if (!command.arguments.empty()) text += "\n| argument | meaning |\n|---|---|\n";
  for (const auto& argument : command.arguments)
    text += fmt::format("| {} | {} |\n", code(argument.name), cell(argument_sentence(argument)));
  if (!command.options.empty()) text += options_table(command.options);
  if (!command.examples.empty()) text += "\n";
  for (const auto& example : command.examples)
    text += fmt::format("- {}: {}\n", code(example.command), cell(example.meaning));
  for (const auto& sub : command.commands)
    if (!sub.hidden) text += command_section(sub);
  return text;
}

std::string commands_page(const CommandInfo& root) {
  std::string text = std::string("# Commands\n") + kGenerated;
  for (const auto& line : split_lines(root.details)) text += "\n" + cell(line) + "\n";
  text += "\nOptions of every command:\n" + options_table(root.options);
  text += "\n| exit code | meaning |\n|---|---|\n";
  for (const auto& exit : exit_texts()) text += fmt::format("| {} | {} |\n", exit.code, cell(exit.meaning));
  for (const auto& command : root.commands)
    if (!command.hidden) text += command_section(command);
  return text;
}

std::string default_text(const ConfigKey& key) {
  const Config defaults;
  auto value = config_value(key, defaults);
  if (key.path == "node.name") return "the host name";
  return value == "" ? "" : code(value.is_string() ? value.get<std::string>() : value.dump());
}

std::string config_page() {
  std::string text =
      std::string("# Configuration\n") + kGenerated +
      "\n`weftd` reads `/etc/weft/weft.yaml`, then `/etc/weft/weft.yaml.d/*.yaml` in the order of their names, or the "
      "files of "
      "`--config` instead; then `WEFT_SECTION__KEY` from the environment; then `--set section.key=value`. Later ones "
      "win, maps "
      "merge, lists replace. `weft config show --origin` says where each value comes from, `weft config schema` prints "
      "a JSON "
      "Schema.\n\nKeys marked *later* are checked but have no effect in this version. A reload applies what is *live*; "
      "the rest "
      "takes effect when `weftd` starts.\n\n| key | default | value | change | meaning |\n|---|---|---|---|---|\n";
  for (const auto& key : config_keys())
    text += fmt::format("| {} | {} | {} | {}{} | {} |\n", code(key.path), default_text(key), cell(config_wanted(key)),
                        key.change == ConfigChange::kLive ? "live" : "restart",
                        key.use == ConfigUse::kLater ? ", later" : "", cell(key.doc));
  text +=
      "\n## Sizes of maps by memory\n\nEntries, where a size is not set or 0; `events` in bytes. Kernel memory when "
      "all are full.\n\n| memory |";
  std::string rule = "\n|---|---|";
  for (const auto& key : config_keys()) {
    if (!key.path.starts_with("datapath.maps.")) continue;
    text += " " + std::string(key.path.substr(14)) + " |";
    rule += "---|";
  }
  text += " in all |" + rule + "\n";
  for (std::uint64_t gib : {1, 4, 24, 256}) {
    constexpr std::uint32_t kCpus = 4;
    Config sized;
    sized.datapath.maps = make_default_map_sizes(gib << 30, kCpus);
    text += fmt::format("| {} GiB, {} CPUs |", gib, kCpus);
    for (const auto& key : config_keys())
      if (key.path.starts_with("datapath.maps.")) text += " " + config_value(key, sized).dump() + " |";
    text += fmt::format(" {} |\n", bytes_text(static_cast<double>(estimate_map_bytes(sized.datapath.maps, kCpus))));
  }
  return text;
}

std::string findings_page() {
  std::string text = std::string("# Findings\n") + kGenerated +
                     "\nEvery finding has a code that never changes its meaning. `weft doc CODE` prints the same.\n";
  for (const auto& finding : findings())
    text += fmt::format("\n## {}: {}\n\n- Cause: {}\n- Fix: {}\n\n{}\n", finding_code(finding.code),
                        cell(finding.title), cell(finding.cause), cell(finding.fix), cell(finding.text));
  return text;
}

}  // namespace

std::vector<Page> reference_pages(const CommandInfo& root) {
  return {{"commands.md", commands_page(root)}, {"configuration.md", config_page()}, {"findings.md", findings_page()}};
}

}  // namespace weft::cli
