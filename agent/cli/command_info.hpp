// The tree of commands as data: help, completion, man pages and docs/reference/commands.md are written from it.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace weft::cli {

struct OptionInfo {
  std::vector<std::string> names;  // "-o", "--output"
  std::string value;               // "FORMAT"; empty for flags
  std::string help;
  std::vector<std::string> choices;  // of the value; empty: anything
};

struct ArgumentInfo {
  std::string name;  // "KIND"
  std::string help;
  std::vector<std::string> choices;
  bool required = false;
  bool repeated = false;
};

struct Example {
  std::string command;
  std::string meaning;
};

struct CommandInfo {
  std::string name;     // "config show"; empty for the program itself
  std::string summary;  // one line
  std::string details;  // paragraphs, divided by empty lines
  std::vector<OptionInfo> options;
  std::vector<ArgumentInfo> arguments;
  std::vector<CommandInfo> commands;
  std::vector<Example> examples;
  bool hidden = false;
};

// Long texts of a command, by its name.
struct CommandText {
  std::string name;
  std::string details;
  std::vector<Example> examples;
};
const std::vector<CommandText>& command_texts();

struct ExitText {
  int code;
  std::string meaning;
};
const std::vector<ExitText>& exit_texts();

const std::vector<std::string>& object_kinds();

}  // namespace weft::cli
