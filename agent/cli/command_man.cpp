#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/cli/command_line.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/reference.hpp"

namespace weft::cli {

Outcome<ExitCode> run_man(Session& session) {
  const auto& wanted = session.wanted;
  auto root = describe_commands();
  std::error_code problem;
  std::filesystem::create_directories(wanted.name, problem);
  if (problem) return failure(kFailed, "cannot make " + wanted.name + ": " + problem.message());
  for (const auto& page : wanted.markdown ? reference_pages(root) : man_pages(root)) {
    auto path = wanted.name + "/" + page.file;
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << page.text;
    file.close();
    if (!file) return failure(kFailed, "cannot write " + path + ": " + std::strerror(errno));
  }
  return kOk;
}

}  // namespace weft::cli
