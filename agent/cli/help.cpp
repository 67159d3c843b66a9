#include "agent/cli/help.hpp"

#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

constexpr int kWidth = 80;
constexpr int kIndent = 26;

std::string entry(const std::string& heading, const std::string& sentence) {
  auto lines = wrapped(sentence, kWidth - kIndent);
  std::string text = "  " + heading;
  if (display_width(text) + 2 > kIndent)
    text += "\n" + std::string(kIndent, ' ');
  else
    text = padded(text, kIndent);
  for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : std::string(kIndent, ' ')) + lines[i] + "\n";
  return text;
}

std::string options_part(const std::string& title, const std::vector<OptionInfo>& options) {
  std::string text = options.empty() ? "" : "\n" + title + "\n";
  for (const auto& option : options) text += entry(option_heading(option), option_sentence(option));
  return text;
}

std::string commands_part(const CommandInfo& command) {
  std::string text = command.commands.empty() ? "" : "\nCommands:\n";
  for (const auto& sub : command.commands)
    if (!sub.hidden) text += entry(sub.name.substr(sub.name.rfind(' ') + 1), sub.summary);
  return text;
}

std::string details_part(const std::string& details) {
  std::string text;
  for (const auto& line : split_lines(details)) {
    text += "\n";
    for (const auto& piece : wrapped(line, kWidth)) text += piece + "\n";
    if (!text.empty() && text.ends_with("\n\n")) text.pop_back();
  }
  return text;
}

}  // namespace

std::string usage_line(const CommandInfo& command) {
  std::string line = command.name.empty() ? "weft" : "weft " + command.name;
  if (!command.commands.empty()) line += " COMMAND";
  line += " [OPTION]...";
  for (const auto& argument : command.arguments) {
    auto name = argument.name + (argument.repeated ? "..." : "");
    line += argument.required ? " " + name : " [" + name + "]";
  }
  return line;
}

std::string option_heading(const OptionInfo& option) {
  return joined(option.names, ", ") + (option.value.empty() ? "" : " " + option.value);
}

std::string option_sentence(const OptionInfo& option) {
  return option.help + (option.choices.empty() ? "" : ": " + joined(option.choices, ", "));
}

std::string argument_sentence(const ArgumentInfo& argument) {
  return argument.help + (argument.choices.empty() ? "" : ": " + joined(argument.choices, ", "));
}

std::string help_text(const CommandInfo& root, const CommandInfo& command) {
  std::string text = "Usage: " + usage_line(command) + "\n\n" + command.summary + "\n";
  text[text.find("\n\n") + 2] =
      static_cast<char>(std::toupper(static_cast<unsigned char>(text[text.find("\n\n") + 2])));
  text += details_part(command.details);
  text += commands_part(command);
  if (!command.arguments.empty()) text += "\nArguments:\n";
  for (const auto& argument : command.arguments) text += entry(argument.name, argument_sentence(argument));
  text += options_part("Options:", command.options);
  if (!command.name.empty()) text += options_part("Options of every command:", root.options);
  if (!command.examples.empty()) text += "\nExamples:\n";
  for (const auto& example : command.examples) text += "  " + example.command + "\n      " + example.meaning + "\n";
  return text;
}

}  // namespace weft::cli
