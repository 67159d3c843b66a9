#include "agent/kernel/pins.hpp"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace weft {
namespace {

constexpr std::size_t kMostMaps = 64;  // of one program

}  // namespace

std::uint32_t program_id(int fd) {
  bpf_prog_info info{};
  __u32 size = sizeof info;
  return fd >= 0 && ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

std::set<std::uint32_t> maps_of_program(int fd) {
  std::array<__u32, kMostMaps> ids{};
  bpf_prog_info info{};
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
  __u32 size = sizeof info;
  if (fd < 0 || ::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return {};
  return {ids.begin(), ids.begin() + std::min<std::size_t>(info.nr_map_ids, ids.size())};
}

std::string describe_program(std::uint32_t id) {
  auto text = "program " + std::to_string(id);
  Fd fd(::bpf_prog_get_fd_by_id(id));
  bpf_prog_info info{};
  __u32 size = sizeof info;
  if (fd && ::bpf_obj_get_info_by_fd(fd.get(), &info, &size) == 0 && info.name[0] != '\0')
    text += " '" + std::string(info.name) + "'";
  return text;
}

Result<> pin_over(int fd, const std::filesystem::path& path) {
  auto staged = path.string() + "_next";
  ::unlink(staged.c_str());
  if (::bpf_obj_pin(fd, staged.c_str()) != 0) return fail_errno(errno, "pin " + path.string());
  if (::rename(staged.c_str(), path.c_str()) != 0) return fail_errno(errno, "pin " + path.string());
  return {};
}

Result<> replace_program(int link, int program, int before, const std::string& hook) {
  LIBBPF_OPTS(bpf_link_update_opts, options);
  if (before >= 0) {
    options.flags = BPF_F_REPLACE;
    options.old_prog_fd = static_cast<__u32>(before);
  }
  if (::bpf_link_update(link, program, &options) != 0) return fail_errno(errno, "swap the program on " + hook);
  return {};
}

std::string numbered_pin(std::string_view hook, std::uint32_t number) {
  return std::string(hook) + "_" + std::to_string(number);
}

std::optional<std::uint32_t> number_of_pin(std::string_view hook, std::string_view name) {
  std::uint32_t number = 0;
  if (!name.starts_with(hook) || name.size() <= hook.size() + 1 || name[hook.size()] != '_') return std::nullopt;
  auto digits = name.substr(hook.size() + 1);
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

ProgramPins::ProgramPins(const std::filesystem::path& bpffs, std::string_view hook)
    : directory_(bpffs / "progs"), hook_(hook) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, ignored)) {
    auto id = number_of_pin(hook_, entry.path().filename().string());
    if (!id) continue;
    if (Fd fd(::bpf_obj_get(entry.path().c_str())); fd) earlier_.emplace(*id, std::move(fd));
  }
}

std::filesystem::path ProgramPins::path_of(std::uint32_t id) const { return directory_ / numbered_pin(hook_, id); }

Result<> ProgramPins::put(int program) const {
  auto path = path_of(program_id(program));
  if (::bpf_obj_pin(program, path.c_str()) != 0 && errno != EEXIST) return fail_errno(errno, "pin " + path.string());
  return {};
}

void ProgramPins::drop_others(std::uint32_t id) {
  for (const auto& [other, fd] : earlier_)
    if (other != id) ::unlink(path_of(other).c_str());
  earlier_.clear();
}

int ProgramPins::find(std::uint32_t id) const {
  auto found = earlier_.find(id);
  return found == earlier_.end() ? -1 : found->second.get();
}

}  // namespace weft
