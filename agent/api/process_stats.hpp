// What /proc/self says, for the process_* metrics.
#pragma once

#include <optional>
#include <string_view>

#include "agent/observe/facts.hpp"

namespace weft {

struct ProcessTimes {
  double cpu_s = 0;
  double started_after_boot_s = 0;
  std::uint64_t threads = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t resident_pages = 0;
};
// The text of /proc/PID/stat (proc(5)); the command may hold spaces and parentheses.
std::optional<ProcessTimes> parse_process_stat(std::string_view text, double ticks_per_s);

ProcessStats read_process_stats();  // what cannot be read stays 0

}  // namespace weft
