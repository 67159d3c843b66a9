// Runs weftd for what only it may do: look at the kernel, remove what the agent made.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/cli/outcome.hpp"

namespace weft::cli {

struct ChildResult {
  int exit_code = 0;
  std::string output;  // of standard output; standard error goes to ours
};

// weftd beside this program, else on PATH.
Outcome<std::string> find_weftd();

Outcome<ChildResult> run_child(const std::string& program, const std::vector<std::string>& arguments,
                               std::chrono::milliseconds limit);

}  // namespace weft::cli
