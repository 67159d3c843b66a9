#include "agent/cli/complete.hpp"

#include <algorithm>

#include "agent/base/findings.hpp"

namespace weft::cli {
namespace {

// Where the words before the last one lead.
struct Position {
  const CommandInfo* command;
  const OptionInfo* wants_value = nullptr;
  std::vector<std::string> arguments;
};

const OptionInfo* find_option(const CommandInfo& root, const CommandInfo& command, const std::string& name) {
  for (const auto* level : {&command, &root})
    for (const auto& option : level->options)
      if (std::ranges::find(option.names, name) != option.names.end()) return &option;
  return nullptr;
}

const CommandInfo* find_child(const CommandInfo& command, const std::string& word) {
  auto full = command.name.empty() ? word : command.name + " " + word;
  auto it = std::ranges::find(command.commands, full, &CommandInfo::name);
  return it == command.commands.end() ? nullptr : &*it;
}

Position walk(const CommandInfo& root, const std::vector<std::string>& words) {
  Position position{&root, nullptr, {}};
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const auto& word = words[i];
    if (position.wants_value != nullptr) {
      position.wants_value = nullptr;
    } else if (word.starts_with('-')) {
      const auto* option = find_option(root, *position.command, word);
      if (option != nullptr && !option->value.empty()) position.wants_value = option;
    } else if (const auto* child = find_child(*position.command, word)) {
      position.command = child;
    } else {
      position.arguments.push_back(word);
    }
  }
  return position;
}

bool names_files(const std::string& value) {
  return value == "FILE" || value == "PATH" || value == "BUNDLE" || value == "DIR";
}

void add_words(std::vector<Candidate>& found, const std::vector<std::string>& words) {
  for (const auto& word : words) found.push_back({word, ""});
}

std::vector<Candidate> value_candidates(const OptionInfo& option, const NameLookup& names) {
  std::vector<Candidate> found;
  add_words(found, option.choices);
  if (names_files(option.value)) found.push_back({kFiles, ""});
  if (option.value == "NAMESPACE") add_words(found, names("namespaces"));
  if (option.value == "WORKLOAD") add_words(found, names("workloads"));
  return found;
}

std::vector<Candidate> option_candidates(const CommandInfo& root, const CommandInfo& command) {
  std::vector<Candidate> found;
  for (const auto* level : {&command, &root}) {
    for (const auto& option : level->options)
      for (const auto& name : option.names)
        if (name.starts_with("--")) found.push_back({name, option.help});
    if (level == &root && &command == &root) break;
  }
  return found;
}

std::vector<Candidate> argument_candidates(const CommandInfo& command, const std::vector<std::string>& before,
                                           const NameLookup& names) {
  std::vector<Candidate> found;
  if (command.arguments.empty()) return found;
  auto index = std::min(before.size(), command.arguments.size() - 1);
  const auto& argument = command.arguments[index];
  if (before.size() > index && !argument.repeated) return found;
  add_words(found, argument.choices);
  if (names_files(argument.name)) found.push_back({kFiles, ""});
  if (argument.name == "NAME" && !before.empty()) add_words(found, names(before.front()));
  if (argument.name == "SOURCE" || argument.name == "DESTINATION") {
    add_words(found, names("workloads"));
    if (argument.name == "DESTINATION") add_words(found, names("services"));
  }
  if (argument.name == "CODE")
    for (const auto& finding : findings()) found.push_back({finding_code(finding.code), std::string(finding.title)});
  if (argument.name == "FILTER")
    for (const auto* key : {"src=", "dst=", "ns=", "pod=", "service=", "port=", "proto=", "kind=", "verdict=",
                            "reason=", "policy=", "rule=", "direction=", "zone=", "unit=", "and", "or", "not"})
      found.push_back({key, ""});
  return found;
}

std::vector<Candidate> all_candidates(const CommandInfo& root, const Position& position, const std::string& last,
                                      const NameLookup& names) {
  if (position.wants_value != nullptr) return value_candidates(*position.wants_value, names);
  if (last.starts_with('-')) return option_candidates(root, *position.command);
  std::vector<Candidate> found;
  for (const auto& child : position.command->commands)
    if (!child.hidden) found.push_back({child.name.substr(child.name.rfind(' ') + 1), child.summary});
  if (!found.empty()) return found;
  return argument_candidates(*position.command, position.arguments, names);
}

}  // namespace

std::vector<Candidate> complete_words(const CommandInfo& root, const std::vector<std::string>& words,
                                      const NameLookup& names) {
  std::string last = words.empty() ? "" : words.back();
  auto found = all_candidates(root, walk(root, words), last, names);
  std::erase_if(
      found, [&](const Candidate& candidate) { return candidate.word != kFiles && !candidate.word.starts_with(last); });
  return found;
}

}  // namespace weft::cli
