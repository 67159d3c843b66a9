#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/version.hpp"
#include "agent/cli/help.hpp"
#include "agent/cli/reference.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/keys.hpp"

namespace weft::cli {
namespace {

// A '-' that can be copied, no macros by accident, no escapes.
std::string roff(std::string_view text) {
  std::string safe;
  for (char c : text) {
    if (c == '\\')
      safe += "\\e";
    else if (c == '-')
      safe += "\\-";
    else if (c == '\'')
      safe += "\\(aq";
    else if (c == '^')
      safe += "\\(ha";
    else if (c == '~')
      safe += "\\(ti";
    else if (c == '.' && (safe.empty() || safe.back() == '\n'))
      safe += "\\&.";
    else
      safe += c;
  }
  return safe;
}

// Of the text, not of the build: builds are to be reproducible.
constexpr const char* kDate = "2026-11-24";

std::string title(const std::string& name, int section) {
  std::string upper = name;
  std::ranges::transform(upper, upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return fmt::format(".TH \"{}\" \"{}\" \"{}\" \"weft {}\" \"weft manual\"\n", upper, section, kDate, weft_version());
}

std::string section(const std::string& name) { return ".SH " + name + "\n"; }
std::string name_part(const std::string& name, const std::string& summary) {
  return section("NAME") + roff(name) + " \\- " + roff(summary) + "\n";
}
std::string entry(const std::string& heading, const std::string& text) {
  return ".TP\n\\fB" + roff(heading) + "\\fR\n" + roff(text) + "\n";
}

std::string paragraphs(const std::string& details) {
  std::string text;
  for (const auto& line : split_lines(details))
    if (!line.empty()) text += (text.empty() ? "" : ".PP\n") + roff(line) + "\n";
  return text;
}

std::string options(const std::string& heading, const std::vector<OptionInfo>& list) {
  if (list.empty()) return "";
  auto text = section(heading);
  for (const auto& option : list) text += entry(option_heading(option), option_sentence(option));
  return text;
}

std::string examples(const std::vector<Example>& list) {
  if (list.empty()) return "";
  auto text = section("EXAMPLES");
  for (const auto& example : list) text += entry(example.command, example.meaning);
  return text;
}

std::string exit_part() {
  auto text = section("\"EXIT STATUS\"");
  for (const auto& exit : exit_texts()) text += entry(std::to_string(exit.code), exit.meaning);
  return text;
}

std::string environment_part() {
  return section("ENVIRONMENT") + entry("WEFT_API__SOCKET", "socket of the agent, when --socket is not given") +
         entry("NO_COLOR", "when not empty: no colours");
}

std::string files_part() {
  return section("FILES") + entry("/etc/weft/weft.yaml, /etc/weft/weft.yaml.d/*.yaml", "configuration of the agent") +
         entry("/run/weft/weft.sock", "socket of the agent");
}

std::string see_also(const std::vector<std::string>& pages) {
  return section("\"SEE ALSO\"") + roff(joined(pages, ", ")) + "\n";
}

std::string file_name(const std::string& command) {
  std::string name = "weft-" + command;
  std::ranges::replace(name, ' ', '-');
  return name;
}

// `config show` and its sisters stand on the page of `config`.
std::string subcommands(const CommandInfo& command) {
  std::string text;
  for (const auto& sub : command.commands) {
    text +=
        (text.empty() ? section("COMMANDS") : "") + ".SS " + roff(usage_line(sub)) + "\n" + roff(sub.summary) + "\n";
    if (!sub.details.empty()) text += ".PP\n" + paragraphs(sub.details);
    for (const auto& option : sub.options) text += entry(option_heading(option), option_sentence(option));
    for (const auto& example : sub.examples) text += entry(example.command, example.meaning);
  }
  return text;
}

std::string command_page(const CommandInfo& command) {
  auto name = file_name(command.name);
  auto text = title(name, 1) + name_part(name, command.summary) + section("SYNOPSIS") + "\\fB" +
              roff(usage_line(command)) + "\\fR\n";
  if (!command.details.empty()) text += section("DESCRIPTION") + paragraphs(command.details);
  text += subcommands(command);
  if (!command.arguments.empty()) text += section("ARGUMENTS");
  for (const auto& argument : command.arguments) text += entry(argument.name, argument_sentence(argument));
  text += options("OPTIONS", command.options) + examples(command.examples);
  return text + see_also({"weft(1)", "weftd(8)", "weft.yaml(5)"});
}

std::string program_page(const CommandInfo& root) {
  auto text = title("weft", 1) + name_part("weft", root.summary) + section("SYNOPSIS") + "\\fB" +
              roff(usage_line(root)) + "\\fR\n" + section("DESCRIPTION") + paragraphs(root.details) +
              section("COMMANDS");
  std::vector<std::string> pages = {"weftd(8)", "weft.yaml(5)"};
  for (const auto& command : root.commands) {
    if (command.hidden) continue;
    text += entry(file_name(command.name) + "(1)", command.summary);
    pages.push_back(file_name(command.name) + "(1)");
  }
  text += options("OPTIONS", root.options) + exit_part() + environment_part() + files_part() + examples(root.examples);
  return text + see_also(pages);
}

std::string key_sentence(const ConfigKey& key) {
  const Config defaults;
  auto value = config_value(key, defaults);
  auto text = std::string(key.doc) + " Value: " + config_wanted(key) + ".";
  if (key.path != "node.name")
    text += " Default: " + (value == "" ? "empty" : value.is_string() ? value.get<std::string>() : value.dump()) + ".";
  text += key.change == ConfigChange::kLive ? " A reload applies it." : " Takes effect when weftd starts.";
  return key.use == ConfigUse::kLater ? text + " Not used by this version." : text;
}

std::string config_page() {
  auto text =
      title("weft.yaml", 5) + name_part("weft.yaml", "configuration of weftd") + section("DESCRIPTION") +
      paragraphs(
          "weftd reads /etc/weft/weft.yaml and then /etc/weft/weft.yaml.d/*.yaml in the order of their names, or the "
          "files of --config instead. Then it reads variables such as WEFT_METRICS__MAXSERIES from the environment: "
          "the key in upper case, with two underscores between its parts. Then --set KEY=VALUE. Later ones win; "
          "maps merge, lists replace.\n"
          "A file is one YAML document of at most 1 MiB. Unknown keys and wrong values are errors. The key "
          "apiVersion, when it is there, says weft/v1.") +
      section("KEYS");
  for (const auto& key : config_keys()) text += entry(std::string(key.path), key_sentence(key));
  return text + see_also({"weftd(8)", "weft(1)", "weft-config(1)"});
}

std::string agent_page() {
  auto text =
      title("weftd", 8) + name_part("weftd", "agent of the weft service mesh") + section("SYNOPSIS") +
      roff("weftd [--config FILE]... [--set KEY=VALUE]...") + "\n.br\n" +
      roff("weftd --check | --probe | --cleanup [--dry-run]") + "\n" + section("DESCRIPTION") +
      paragraphs(
          "weftd reads objects of the mesh, balances connections to services in the kernel and accounts for every one. "
          "It leaves its programs in the kernel when it ends, so that connections do not notice.\n"
          "It needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON, and no other privileges.") +
      section("OPTIONS");
  text += entry("--config FILE",
                "configuration; may be given again; default: /etc/weft/weft.yaml and /etc/weft/weft.yaml.d/*.yaml");
  text += entry("--set KEY=VALUE", "one setting; may be given again");
  text += entry("--check", "check the configuration and end");
  text += entry("--probe", "look at the node, print a CheckList in JSON and end");
  text += entry("--cleanup", "remove what weft owns on this node, print a CleanupResult in JSON and end");
  text += entry("--dry-run", "with --cleanup: only say what would be removed");
  text += entry("--version", "print the version and end");
  text += section("SIGNALS") +
          entry("SIGHUP", "read the configuration and all sources again; what is wrong keeps its last good version") +
          entry("SIGTERM, SIGINT", "end; programs and maps stay in the kernel");
  text += files_part() + entry("/var/lib/weft", "state that outlives restarts") +
          entry("/sys/fs/bpf/weft", "pinned maps and links");
  return text + see_also({"weft(1)", "weft.yaml(5)", "weft-cleanup(1)"});
}

}  // namespace

std::vector<Page> man_pages(const CommandInfo& root) {
  std::vector<Page> pages = {{"weft.1", program_page(root)}, {"weft.yaml.5", config_page()}, {"weftd.8", agent_page()}};
  for (const auto& command : root.commands)
    if (!command.hidden) pages.push_back({file_name(command.name) + ".1", command_page(command)});
  return pages;
}

}  // namespace weft::cli
