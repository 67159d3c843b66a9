#include "agent/api/process_stats.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace weft {
namespace {

// Fields of /proc/PID/stat counted from the state, which is the first after the command.
constexpr std::size_t kUserTicks = 11, kSystemTicks = 12, kThreads = 17, kStartTicks = 19, kVirtual = 20,
                      kResident = 21;
constexpr std::size_t kFields = 22;

double clock_s(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::uint64_t count_open_fds() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error), end;
  if (error) return 0;
  return static_cast<std::uint64_t>(std::distance(entries, end)) - 1;  // less the one that lists
}

}  // namespace

std::optional<ProcessTimes> parse_process_stat(std::string_view text, double ticks_per_s) {
  auto command_end = text.rfind(") ");
  if (command_end == std::string_view::npos) return std::nullopt;
  auto rest = text.substr(command_end + 2);
  std::array<std::uint64_t, kFields> fields{};
  for (std::size_t i = 0; i < kFields; ++i) {
    auto word = rest.substr(0, rest.find(' '));
    if (word.empty()) return std::nullopt;
    std::from_chars(word.data(), word.data() + word.size(), fields[i]);
    rest.remove_prefix(std::min(rest.size(), word.size() + 1));
  }
  auto seconds = [&](std::uint64_t ticks) { return static_cast<double>(ticks) / ticks_per_s; };
  return ProcessTimes{seconds(fields[kUserTicks] + fields[kSystemTicks]), seconds(fields[kStartTicks]),
                      fields[kThreads], fields[kVirtual], fields[kResident]};
}

ProcessStats read_process_stats() {
  ProcessStats stats;
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  if (auto times = parse_process_stat(text, static_cast<double>(::sysconf(_SC_CLK_TCK)))) {
    stats.cpu_s = times->cpu_s;
    stats.threads = times->threads;
    stats.virtual_bytes = times->virtual_bytes;
    stats.resident_bytes = times->resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    stats.start_time_s = clock_s(CLOCK_REALTIME) - clock_s(CLOCK_BOOTTIME) + times->started_after_boot_s;
  }
  stats.open_fds = count_open_fds();
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) stats.max_fds = limit.rlim_cur;
  return stats;
}

}  // namespace weft
