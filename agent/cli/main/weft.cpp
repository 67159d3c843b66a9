#include <algorithm>
#include <string>
#include <vector>

#include "agent/cli/commands.hpp"

int main(int argc, char** argv) {
  std::string called = argc > 0 ? argv[0] : "weft";
  auto name = called.substr(called.rfind('/') + 1);
  return weft::cli::run_weft(name == "kubectl-weft" ? "kubectl weft" : "weft", {argv + 1, argv + std::max(argc, 1)});
}
