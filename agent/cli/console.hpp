// Where a command writes: data to standard output, hints to standard error; colour and Unicode only for people.
#pragma once

#include <string>
#include <string_view>

#include "agent/cli/outcome.hpp"

namespace weft::cli {

enum class Tone { kPlain, kGood, kWarning, kBad, kFaint, kBold };

class Console {
 public:
  // Looks at the terminal and at NO_COLOR, TERM and the locale.
  static Console open(bool no_color);
  Console() = default;

  void out(std::string_view text);
  void hint(std::string_view text) const;  // one line, to standard error
  void report(const std::string& program, const Failure& failure) const;
  bool write_failed() const { return write_failed_; }
  bool flush();

  std::string paint(std::string_view text, Tone tone) const;
  std::string_view arrow() const { return unicode_ ? "→" : "->"; }
  std::string_view ellipsis() const { return unicode_ ? "…" : "~"; }
  bool is_terminal() const { return terminal_; }
  int width() const;  // columns of the terminal; 0: unlimited
  int height() const;

 private:
  bool terminal_ = false;
  bool color_ = false;
  bool unicode_ = false;
  bool write_failed_ = false;
};

// Asks on the terminal; false when the answer is not yes.
bool confirm(const std::string& question);
bool can_ask();  // standard input and standard error are a terminal

}  // namespace weft::cli
