// Candidates for the word under the cursor, from the command tree and, for names, from the agent.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/cli/command_info.hpp"

namespace weft::cli {

struct Candidate {
  std::string word;
  std::string meaning;  // may be empty
};

// Names of a kind ("services", or "" for anything that NAME can mean), "ns/name".
using NameLookup = std::function<std::vector<std::string>(const std::string& kind)>;

// `words` are those after the program's name; the last one is being typed and may be empty. A single candidate
// "<files>" asks the shell to complete file names.
inline constexpr const char* kFiles = "<files>";
std::vector<Candidate> complete_words(const CommandInfo& root, const std::vector<std::string>& words,
                                      const NameLookup& names);

// Of bash, zsh or fish.
std::string completion_script(const std::string& shell);

}  // namespace weft::cli
