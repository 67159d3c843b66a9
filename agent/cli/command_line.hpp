// The command line taken apart. CLI11 stays behind this header.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "agent/cli/command_info.hpp"
#include "agent/cli/invocation.hpp"
#include "agent/cli/outcome.hpp"

namespace weft::cli {

struct HelpText {
  std::string text;
};

// What to run, or the text of --help.
Outcome<std::variant<Invocation, HelpText>> parse_command_line(const std::vector<std::string>& arguments);

// The whole tree; its root is the program itself with the global options.
CommandInfo describe_commands();

}  // namespace weft::cli
