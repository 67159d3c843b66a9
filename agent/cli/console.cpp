#include "agent/cli/console.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>

#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

bool environment_says(const char* name, std::string_view part) {
  const char* value = std::getenv(name);
  return value != nullptr && std::string_view(value).find(part) != std::string_view::npos;
}

// The first of these that is set decides, as in setlocale(3).
bool is_utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0')
      return environment_says(name, "UTF-8") || environment_says(name, "utf8");
  return false;
}

winsize terminal_size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
  return size;
}

std::string_view sequence(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kWarning:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kFaint:
      return "\x1b[2m";
    case Tone::kBold:
      return "\x1b[1m";
  }
  return "";
}

}  // namespace

Console Console::open(bool no_color) {
  Console console;
  console.terminal_ = ::isatty(STDOUT_FILENO) == 1;
  const char* refused = std::getenv("NO_COLOR");
  bool wanted = !no_color && (refused == nullptr || *refused == '\0') && !environment_says("TERM", "dumb");
  console.color_ = console.terminal_ && wanted;
  console.unicode_ = console.terminal_ && is_utf8_locale();
  return console;
}

void Console::out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) write_failed_ = true;
}

void Console::hint(std::string_view text) const {
  auto line = std::string(text) + "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

void Console::report(const std::string& program, const Failure& failure) const {
  hint(program + ": " + escaped(failure.message));
  if (!failure.hint.empty()) hint("  " + escaped(failure.hint));
}

bool Console::flush() {
  if (std::fflush(stdout) != 0) write_failed_ = true;
  return !write_failed_;
}

std::string Console::paint(std::string_view text, Tone tone) const {
  if (!color_ || tone == Tone::kPlain || text.empty()) return std::string(text);
  return std::string(sequence(tone)) + std::string(text) + "\x1b[0m";
}

int Console::width() const { return terminal_ ? terminal_size().ws_col : 0; }
int Console::height() const { return terminal_ ? terminal_size().ws_row : 0; }

bool can_ask() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDERR_FILENO) == 1; }

bool confirm(const std::string& question) {
  std::fprintf(stderr, "%s [y/N] ", question.c_str());
  std::string answer;
  if (!std::getline(std::cin, answer)) return false;
  return answer == "y" || answer == "Y" || answer == "yes";
}

}  // namespace weft::cli
