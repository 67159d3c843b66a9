// Facts about kernel and process that metrics and status both tell. Whoever touches the kernel fills them.
#pragma once

#include <cstdint>
#include <string>

namespace weft {

struct KernelFeature {
  std::string name;
  bool available = false;
  std::string detail;
};

struct Attachment {
  enum class State : std::uint8_t { kAttached, kMissing, kForeign };
  std::string hook;    // "connect4"
  std::string target;  // cgroup path or interface
  State state = State::kAttached;
  std::string detail;
};
std::string_view attachment_state_name(Attachment::State state);  // "attached", "missing", "foreign"

struct MapUse {
  std::string name;
  std::uint64_t entries = 0;
  std::uint64_t max = 0;
};

struct HelperErrors {
  std::uint32_t helper = 0;  // enum weft_helper
  std::uint32_t error = 0;   // errno value
  std::uint64_t count = 0;
};

struct ProcessStats {
  double cpu_s = 0;
  std::uint64_t resident_bytes = 0;
  std::uint64_t virtual_bytes = 0;
  std::uint64_t open_fds = 0;
  std::uint64_t max_fds = 0;
  std::uint64_t threads = 0;
  double start_time_s = 0;  // since 1970
};

}  // namespace weft
