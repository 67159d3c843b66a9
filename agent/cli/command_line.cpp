#include "agent/cli/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "agent/cli/help.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/nearest.hpp"

namespace weft::cli {
namespace {

using Choices = std::vector<std::string>;

const Choices kFormats = {"table", "wide", "json", "jsonl", "yaml", "name"};

class CommandLine {
 public:
  CommandLine() : app_("", "weft") {
    app_.description("what the weft agent of this node knows and does");
    app_.require_subcommand(0, 1);
    app_.set_help_flag("-h,--help", "say how to use the command");
    add_globals();
    add_read_commands();
    add_offline_commands();
    add_changing_commands();
    add_tool_commands();
  }

  CLI::App& app() { return app_; }
  Invocation& wanted() { return wanted_; }
  CommandInfo describe() const { return describe(app_, ""); }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& summary) {
    auto* sub = parent.add_subcommand(name, summary);
    sub->fallthrough();
    sub->set_help_flag("-h,--help", "say how to use the command");
    return sub;
  }
  CLI::App* command(const std::string& name, const std::string& summary) { return command(app_, name, summary); }

  template <class Value>
  CLI::Option* option(CLI::App& app, const std::string& names, Value& place, const std::string& value,
                      const std::string& help, Choices choices = {}) {
    auto* made = app.add_option(names, place, help)->type_name(value);
    // An alias may already say -o json: the last one counts.
    if constexpr (!std::is_same_v<Value, std::vector<std::string>>)
      made->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (choices.empty()) return made;
    made->check([choices](const std::string& text) {
      if (std::ranges::find(choices, text) != choices.end()) return std::string();
      auto nearest = did_you_mean(text, choices);
      return "'" + text + "' is not one of " + joined(choices, ", ") + nearest;
    });
    choices_[made] = std::move(choices);
    return made;
  }

  // Every value after the option would be taken for it otherwise.
  void list_option(CLI::App& app, const std::string& names, std::vector<std::string>& place, const std::string& value,
                   const std::string& help) {
    option(app, names, place, value, help)->take_all()->allow_extra_args(false);
  }

  void add_globals() {
    option(app_, "--socket", wanted_.socket, "PATH", "unix socket of the agent");
    option(app_, "-o,--output", wanted_.output, "FORMAT", "how to print", kFormats);
    option(app_, "--from", wanted_.bundle, "BUNDLE", "answer from a bug report instead of the agent");
    list_option(app_, "--config", wanted_.config_files, "FILE", "configuration of the agent; may be given again");
    app_.add_flag("--no-color", wanted_.no_color, "no colours, also on a terminal");
    duration_option(app_, "--timeout", wanted_.timeout, "how long to wait for the agent, such as 5s");
  }

  static void duration_option(CLI::App& app, const std::string& name, std::optional<std::chrono::milliseconds>& place,
                              const std::string& help) {
    app.add_option_function<std::string>(
           name,
           [name, &place](const std::string& text) {
             place = parse_duration(text);
             if (!place) throw CLI::ValidationError(name, "'" + text + "' is not a duration such as 5s or 500ms");
           },
           help)
        ->type_name("TIME");
  }

  void add_read_commands() {
    auto* check = command("check", "look for problems of the node and of the agent");
    check->add_flag("--pre", wanted_.pre, "look at the node only; works without an agent");
    command("status", "the state of the agent on one screen");
    auto* get = command("get", "list what the agent knows and what is programmed");
    auto* kind = option(*get, "KIND", wanted_.kind, "KIND", "what to list")->required();
    choices_[kind] = object_kinds();
    option(*get, "NAME", wanted_.name, "NAME", "namespace/name of a pod, workload or service, or an address");
    option(*get, "-n,--namespace", wanted_.space, "NAMESPACE", "only of this namespace");
    get->add_flag("-A,--all-namespaces", wanted_.all_spaces, "of all namespaces, which is the default");
    auto* observe = command("observe", "flows, live or recent");
    option(*observe, "FILTER", wanted_.words, "FILTER", "words or an expression")->expected(0, -1);
    observe->add_flag("-f,--follow", wanted_.follow, "print new flows as they happen");
    option(*observe, "--last", wanted_.last, "N", "begin with the last N flows")->check(CLI::Range(1U, 1000000U));
    option(*observe, "--verdict", wanted_.verdict, "VERDICT", "only flows with this verdict",
           {"allowed", "denied", "no-endpoint", "audited"});
    add_explain();
    add_policy();
    auto* top = command("top", "live rates of traffic");
    option(*top, "--by", wanted_.by, "WHAT", "what to rank", {"edge", "workload", "drop"});
    top->add_flag("--once", wanted_.once, "print once and end");
    option(*top, "-n,--rounds", wanted_.rounds, "N", "print N times and end")->check(CLI::Range(1U, 1000000U));
  }

  void add_explain() {
    auto* explain = command("explain", "why a connection is allowed or denied, and what would change it");
    option(*explain, "SOURCE", wanted_.name, "SOURCE", "namespace/name of a pod or workload, or an address")
        ->required();
    option(*explain, "DESTINATION", wanted_.destination, "DESTINATION",
           "namespace/name:port of a pod, workload or service, or address:port")
        ->required();
    option(*explain, "--proto", wanted_.protocol, "PROTOCOL", "protocol of the connection; default TCP",
           {"tcp", "udp", "sctp", "icmp", "TCP", "UDP", "SCTP", "ICMP"});
    option(*explain, "--method", wanted_.method, "METHOD", "method of an HTTP request, such as GET");
    option(*explain, "--path", wanted_.path, "URLPATH", "path of an HTTP request, such as /cart");
    option(*explain, "-n,--namespace", wanted_.space, "NAMESPACE", "of names that say none");
  }

  void add_policy() {
    auto* policy = command("policy", "try policies on what was seen, and draft them from it");
    policy->require_subcommand(0, 1);
    auto* trial = command(*policy, "try", "what files of policies would newly deny and allow of recent connections");
    option(*trial, "FILE", wanted_.words, "FILE", "files or directories")->required()->expected(1, -1);
    duration_option(*trial, "--last", wanted_.period, "connections of this time, up to 1h, which is the default");
    trial->add_flag("--delete", wanted_.remove, "as if the objects of the files were deleted");
    auto* suggest = command(*policy, "suggest", "the least policies that allow the connections that were seen");
    option(*suggest, "-n,--namespace", wanted_.space, "NAMESPACE", "only for workloads of this namespace");
    option(*suggest, "--workload", wanted_.name, "WORKLOAD", "only for this one: namespace/name");
    duration_option(*suggest, "--last", wanted_.period, "connections of this time, up to 1h, which is the default");
  }

  void add_offline_commands() {
    auto* analyze = command("analyze", "look for mistakes in files of objects; needs no agent and no privileges");
    option(*analyze, "FILE", wanted_.words, "FILE", "files or directories")->required()->expected(1, -1);
    analyze->add_flag("--strict", wanted_.strict, "warnings count as problems");
    auto* config = command("config", "the configuration of the agent");
    config->require_subcommand(0, 1);
    auto* show = command(*config, "show", "every effective value");
    show->add_flag("--origin", wanted_.origin, "with the file and line that says so");
    list_option(*show, "--set", wanted_.settings, "KEY=VALUE", "as if weftd were started with it");
    command(*config, "schema", "JSON Schema of the configuration file");
    command(*config, "path", "the files that are read, in order");
  }

  void add_changing_commands() {
    command("reload", "read the configuration and all sources again, and wait until all of it is applied");
    auto* cleanup = command("cleanup", "remove what weft owns on this node");
    cleanup->add_flag("-y,--yes", wanted_.yes, "do not ask");
    cleanup->add_flag("--dry-run", wanted_.dry_run, "only say what would be removed");
    add_mitigations();
  }

  void add_mitigations() {
    auto* deny = command("deny", "the deny list: addresses whose packets are dropped as they arrive");
    deny->require_subcommand(0, 1);
    auto* add = command(*deny, "add", "deny addresses or blocks of addresses at once");
    option(*add, "CIDR", wanted_.words, "CIDR", "such as 203.0.113.0/24, 203.0.113.7 or 2001:db8::/32")
        ->required()
        ->expected(1, -1);
    option(*add, "--ttl", wanted_.ttl, "TIME", "how long, such as 10m, 1h30m or 7d; default for ever");
    option(*add, "--reason", wanted_.reason, "TEXT", "why, for those who look at the list");
    add->add_flag("--force", wanted_.force, "also addresses of this node, of the loopback, and 0.0.0.0/0");
    auto* remove = command(*deny, "remove", "take back what deny add denied");
    option(*remove, "CIDR", wanted_.words, "CIDR", "as it is on the list")->required()->expected(1, -1);
    command(*deny, "list", "what is denied, until when, by whom, and how often it was met");
    auto* quarantine = command("quarantine", "cut a workload of this node off, but for the node itself");
    option(*quarantine, "WORKLOAD", wanted_.name, "WORKLOAD", "namespace/name of a workload, or of one of its pods")
        ->required();
    quarantine->add_flag("--undo", wanted_.undo, "take it back");
    option(*quarantine, "--reason", wanted_.reason, "TEXT", "why, for those who meet it");
    option(*quarantine, "-n,--namespace", wanted_.space, "NAMESPACE", "of a name that says none");
  }

  void add_tool_commands() {
    auto* report = command("bugreport", "collect everything that helps to understand a problem into one file");
    option(*report, "FILE", wanted_.name, "FILE", "where to write it; default weft-bugreport-NODE-TIME.tar.gz");
    command("version", "versions of the command line and of the agent");
    auto* doc = command("doc", "explain a finding");
    option(*doc, "CODE", wanted_.name, "CODE", "such as WEFT1001; default: list all");
    auto* completion = command("completion", "script that completes commands and names in a shell");
    option(*completion, "SHELL", wanted_.name, "SHELL", "name of the shell", {"bash", "zsh", "fish"})->required();
    auto* man = command("man", "write the man pages into a directory")->group("");
    option(*man, "DIR", wanted_.name, "DIR", "existing directory")->required();
    man->add_flag("--markdown", wanted_.markdown, "write the pages of docs/reference instead");
  }

  CommandInfo describe(const CLI::App& app, const std::string& name) const {
    CommandInfo info{name, app.get_description(), "", {}, {}, {}, {}, !name.empty() && app.get_group().empty()};
    for (const auto* made : app.get_options()) {
      if (!name.empty() && made == app.get_help_ptr()) continue;  // told once, with the global options
      if (made->get_snames().empty() && made->get_lnames().empty())
        info.arguments.push_back(describe_argument(*made));
      else
        info.options.push_back(describe_option(*made));
    }
    for (const auto* sub : app.get_subcommands({}))
      info.commands.push_back(describe(*sub, name.empty() ? sub->get_name() : name + " " + sub->get_name()));
    for (const auto& text : command_texts())
      if (text.name == name) info.details = text.details, info.examples = text.examples;
    return info;
  }

  OptionInfo describe_option(const CLI::Option& made) const {
    OptionInfo info;
    for (const auto& letter : made.get_snames()) info.names.push_back("-" + letter);
    for (const auto& word : made.get_lnames()) info.names.push_back("--" + word);
    if (made.get_items_expected_max() > 0) info.value = made.get_type_name();
    info.help = made.get_description();
    info.choices = choices_of(made);
    return info;
  }

  ArgumentInfo describe_argument(const CLI::Option& made) const {
    return {made.get_type_name(), made.get_description(), choices_of(made), made.get_required(),
            made.get_items_expected_max() > 1};
  }

  Choices choices_of(const CLI::Option& made) const {
    auto it = choices_.find(&made);
    return it == choices_.end() ? Choices() : it->second;
  }

  Invocation wanted_;
  CLI::App app_;
  std::map<const CLI::Option*, Choices> choices_;
};

// "config show", as far as it was recognised.
std::string selected_command(const CLI::App& app) {
  std::string name;
  for (const auto* here = &app; !here->get_subcommands().empty();) {
    here = here->get_subcommands().front();
    name += (name.empty() ? "" : " ") + here->get_name();
  }
  return name;
}

const CommandInfo& find_command(const CommandInfo& root, const std::string& name) {
  for (const auto& sub : root.commands)
    if (sub.name == name || name.starts_with(sub.name + " ")) return find_command(sub, name);
  return root;
}

Failure usage_failure(const std::string& command, std::string message) {
  if (message.ends_with('.')) message.pop_back();
  return {kUsage, std::move(message), "See weft " + (command.empty() ? "" : command + " ") + "--help."};
}

std::string unknown_command(const CommandInfo& parent, const std::string& word) {
  std::vector<std::string> names;
  for (const auto& sub : parent.commands)
    if (!sub.hidden) names.push_back(sub.name.substr(sub.name.rfind(' ') + 1));
  return "there is no command '" + word + "'" + did_you_mean(word, names);
}

std::string unknown_option(const CommandInfo& root, const CommandInfo& command, const std::string& word) {
  std::vector<std::string> names;
  for (const auto* level : {&command, &root})
    for (const auto& known : level->options) names.insert(names.end(), known.names.begin(), known.names.end());
  return "there is no option '" + word + "'" + did_you_mean(word, names);
}

Failure explain(CommandLine& line, const CLI::ParseError& error) {
  auto root = line.describe();
  auto command = selected_command(line.app());
  const auto& here = find_command(root, command);
  auto rest = line.app().remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) == nullptr || rest.empty())
    return usage_failure(command, error.what());
  const auto& word = rest.front();
  if (word.starts_with("-")) return usage_failure(command, unknown_option(root, here, word));
  if (!here.commands.empty()) return usage_failure(command, unknown_command(here, word));
  return usage_failure(command, "'" + word + "' is one word too many");
}

}  // namespace

Format Invocation::format() const {
  auto it = std::ranges::find(kFormats, output);
  return static_cast<Format>(it - kFormats.begin());
}

Outcome<std::variant<Invocation, HelpText>> parse_command_line(const std::vector<std::string>& arguments) {
  // Words that are still being typed need not be a command line yet.
  if (!arguments.empty() && arguments.front() == "__complete") {
    Invocation completing;
    completing.command = "__complete";
    completing.words.assign(arguments.begin() + 1, arguments.end());
    return completing;
  }
  CommandLine line;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    line.app().parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    auto root = line.describe();
    return HelpText{help_text(root, find_command(root, selected_command(line.app())))};
  } catch (const CLI::ParseError& error) {
    return std::unexpected(explain(line, error));
  }
  auto& wanted = line.wanted();
  wanted.command = selected_command(line.app());
  auto root = line.describe();
  const auto& info = find_command(root, wanted.command);
  if (!info.commands.empty())
    return std::unexpected(
        usage_failure(wanted.command,
                      "a command is missing after 'weft" + (wanted.command.empty() ? "" : " " + wanted.command) + "'"));
  return wanted;
}

CommandInfo describe_commands() { return CommandLine().describe(); }

}  // namespace weft::cli
