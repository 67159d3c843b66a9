// What programs and links say about themselves, and how they are pinned and swapped; shared by the hooks of the cgroup
// and those of pods.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"

namespace weft {

std::uint32_t program_id(int fd);  // 0: none
std::set<std::uint32_t> maps_of_program(int fd);
// "program 12", and its name where it may be read.
std::string describe_program(std::uint32_t id);

// Pins under a name beside, then moves it over `path`.
Result<> pin_over(int fd, const std::filesystem::path& path);

// The link runs `program` from here on. `before`: what it must run now, else it fails; negative: whatever it is.
Result<> replace_program(int link, int program, int before, const std::string& hook);

// Pins of many of a kind are called <hook>_<number>: of a link the interface, of a program its id.
std::string numbered_pin(std::string_view hook, std::uint32_t number);
std::optional<std::uint32_t> number_of_pin(std::string_view hook, std::string_view name);

// The programs of one hook that may run on interfaces, pinned under their ids, so that a swap that is cut short leaves
// none without a name: the one of this agent, and those of earlier ones until nothing runs them any more.
class ProgramPins {
 public:
  ProgramPins() = default;
  ProgramPins(const std::filesystem::path& bpffs, std::string_view hook);  // opens what is pinned

  Result<> put(int program) const;
  void drop_others(std::uint32_t id);  // 0: all
  int find(std::uint32_t id) const;    // -1: not pinned by an earlier agent
  const std::map<std::uint32_t, Fd>& earlier() const { return earlier_; }

 private:
  std::filesystem::path path_of(std::uint32_t id) const;
  std::filesystem::path directory_;
  std::string hook_;
  std::map<std::uint32_t, Fd> earlier_;  // by id
};

}  // namespace weft
