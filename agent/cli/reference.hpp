// Man pages and the pages of docs/reference, from the command tree, the table of keys and the table of findings.
#pragma once

#include <string>
#include <vector>

#include "agent/cli/command_info.hpp"

namespace weft::cli {

struct Page {
  std::string file;  // "weft-get.1"
  std::string text;
};

std::vector<Page> man_pages(const CommandInfo& root);
std::vector<Page> reference_pages(const CommandInfo& root);

}  // namespace weft::cli
