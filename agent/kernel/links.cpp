#include "agent/kernel/links.hpp"

#include <bpf/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "agent/kernel/object.hpp"
#include "agent/kernel/pins.hpp"

namespace weft {
namespace {

constexpr std::uint32_t kMostPrograms = 64;  // BPF_CGROUP_MAX_PROGS

bool link_info(int fd, bpf_link_info& info) {
  __u32 size = sizeof info;
  std::memset(&info, 0, sizeof info);
  return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0;
}

// A program cannot be opened by its id without CAP_SYS_ADMIN, so each attached one has a pin: the settled one, or the
// one of a swap that was cut short.
Fd pinned_program(const std::filesystem::path& pin, std::uint32_t id) {
  for (const char* suffix : {"", "_next"}) {
    Fd fd(::bpf_obj_get((pin.string() + suffix).c_str()));
    if (fd && program_id(fd.get()) == id) return fd;
  }
  return Fd();
}

}  // namespace

Result<Links> Links::adopt(const std::filesystem::path& bpffs, const std::filesystem::path& cgroup_path, Fd cgroup) {
  Links links;
  links.bpffs_ = bpffs;
  links.cgroup_path_ = cgroup_path;
  links.cgroup_ = std::move(cgroup);
  struct stat info{};
  if (::fstat(links.cgroup_.get(), &info) != 0) return fail_errno(errno, "cgroup " + cgroup_path.string());
  links.cgroup_id_ = info.st_ino;
  for (const auto& hook : kHooks) {
    Link link{&hook, Fd(::bpf_obj_get((bpffs / "links" / hook.name).c_str()))};
    if (!link.fd && errno != ENOENT)
      return fail_errno(errno, "open pinned link " + (bpffs / "links" / hook.name).string());
    links.links_.push_back(std::move(link));
  }
  return links;
}

bool Links::is_ours(const Link& link) const {
  bpf_link_info info;
  return link.fd && link_info(link.fd.get(), info) && info.cgroup.cgroup_id == cgroup_id_;
}

std::set<std::uint32_t> Links::live_maps() const {
  std::set<std::uint32_t> maps;
  for (const auto& link : links_) {
    bpf_link_info info;
    if (!is_ours(link) || !link_info(link.fd.get(), info)) continue;
    auto program = pinned_program(bpffs_ / "progs" / link.hook->name, info.prog_id);
    maps.merge(maps_of_program(program.get()));
  }
  return maps;
}

// Pin of the new program first, then the swap, then the pin becomes the settled one: at every moment the program that
// the link runs has a pin.
Result<> Links::swap_program(Link& link, int program, std::uint32_t attached_program) {
  auto pin = bpffs_ / "progs" / link.hook->name;
  auto before = pinned_program(pin, attached_program);
  if (before && ::unlink(pin.c_str()) != 0 && errno != ENOENT) return fail_errno(errno, "pin " + pin.string());
  if (before && ::bpf_obj_pin(before.get(), pin.c_str()) != 0) return fail_errno(errno, "pin " + pin.string());
  auto staged = pin.string() + "_next";
  ::unlink(staged.c_str());
  if (::bpf_obj_pin(program, staged.c_str()) != 0) return fail_errno(errno, "pin " + staged);
  WEFT_TRY(replace_program(link.fd.get(), program, before.get(), std::string(link.hook->name)));
  if (::rename(staged.c_str(), pin.c_str()) != 0) return fail_errno(errno, "pin " + pin.string());
  return {};
}

Result<> Links::attach_hook(Link& link, int program) {
  bpf_link_info info;
  if (is_ours(link) && link_info(link.fd.get(), info)) {
    if (info.prog_id == program_id(program)) return {};
    return swap_program(link, program, info.prog_id);
  }
  WEFT_TRY(pin_over(program, bpffs_ / "progs" / link.hook->name));
  Fd fresh(::bpf_link_create(program, cgroup_.get(), link.hook->type, nullptr));
  if (!fresh) return fail_errno(errno, "attach " + std::string(link.hook->name) + " to " + cgroup_path_.string());
  WEFT_TRY(pin_over(fresh.get(), bpffs_ / "links" / link.hook->name));
  link.fd = std::move(fresh);
  return {};
}

Result<> Links::attach(const BpfObject& object) {
  for (auto& link : links_) {
    if (object.has(link.hook->feature)) {
      WEFT_TRY(attach_hook(link, object.program_fd(link.hook->program)));
      continue;
    }
    link.fd = Fd();
    for (const char* part : {"links", "progs"}) ::unlink((bpffs_ / part / link.hook->name).c_str());
  }
  return {};
}

std::set<std::uint32_t> Links::own_programs() const {
  std::set<std::uint32_t> own;
  for (const auto& link : links_) {
    bpf_link_info info;
    if (is_ours(link) && link_info(link.fd.get(), info)) own.insert(info.prog_id);
  }
  return own;
}

std::vector<AttachmentState> Links::audit() const {
  std::vector<AttachmentState> states;
  auto own = own_programs();
  for (const auto& link : links_) {
    std::string hook(link.hook->name), target = cgroup_path_.string();
    bool pinned = ::access((bpffs_ / "links" / hook).c_str(), F_OK) == 0;
    if (is_ours(link) && pinned)
      states.push_back({hook, target, "attached", ""});
    else
      states.push_back(
          {hook, target, "missing", is_ours(link) ? "its pin was removed" : "nothing of ours is attached"});
    std::array<__u32, kMostPrograms> ids{};
    __u32 count = ids.size(), flags = 0;
    if (::bpf_prog_query(cgroup_.get(), link.hook->type, BPF_F_QUERY_EFFECTIVE, &flags, ids.data(), &count) != 0)
      continue;
    for (__u32 i = 0; i < count && i < ids.size(); ++i)
      if (!own.contains(ids[i])) states.push_back({hook, target, "foreign", describe_program(ids[i])});
  }
  return states;
}

Result<std::vector<std::string>> Links::repair(const BpfObject& object) {
  std::vector<std::string> repaired;
  for (auto& link : links_) {
    if (!object.has(link.hook->feature)) continue;
    auto pin = bpffs_ / "links" / link.hook->name;
    bool pinned = ::access(pin.c_str(), F_OK) == 0;
    if (is_ours(link) && pinned) continue;
    if (is_ours(link)) {
      WEFT_TRY(pin_over(link.fd.get(), pin));
    } else {
      WEFT_TRY(attach_hook(link, object.program_fd(link.hook->program)));
    }
    repaired.emplace_back(link.hook->name);
  }
  return repaired;
}

}  // namespace weft
