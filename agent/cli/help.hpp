// The texts of --help.
#pragma once

#include <string>

#include "agent/cli/command_info.hpp"

namespace weft::cli {

// "weft get [OPTIONS] KIND [NAME]".
std::string usage_line(const CommandInfo& command);
// "-o, --output FORMAT".
std::string option_heading(const OptionInfo& option);
// With the choices and "may be given again" after the sentence.
std::string option_sentence(const OptionInfo& option);
std::string argument_sentence(const ArgumentInfo& argument);

std::string help_text(const CommandInfo& root, const CommandInfo& command);

}  // namespace weft::cli
