#include "agent/kernel/pod_links.hpp"

#include <bpf/bpf.h>
#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/kernel/object.hpp"

namespace weft {
namespace {

// Parts of union bpf_attr and struct bpf_link_info that the headers of this libbpf do not have yet (Linux 6.6).
struct TcxLinkCreate {
  __u32 program, interface, attach_type, flags, relative, reserved;
  __u64 expected_revision;
};
struct TcxQuery {
  __u32 interface, attach_type, query_flags, attach_flags;
  __u64 programs;
  __u32 count, reserved;
  __u64 program_flags, links, link_flags, revision;
};
struct TcxLinkInfo {
  __u32 type, id, program, reserved, interface, attach_type;
};
static_assert(sizeof(TcxLinkInfo) <= sizeof(bpf_link_info));

constexpr __u32 kBefore = 1U << 3;           // BPF_F_BEFORE: without another program named, before all
constexpr std::uint32_t kMostPrograms = 64;  // BPF_MPROG_MAX
constexpr int kDrop = 2;                     // TC_ACT_SHOT

template <class T>
int bpf_call(bpf_cmd command, T& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

Fd create_tcx_link(int program, std::uint32_t interface, bpf_attach_type type) {
  TcxLinkCreate create{};
  create.program = static_cast<__u32>(program);
  create.interface = interface;
  create.attach_type = static_cast<__u32>(type);
  create.flags = kBefore;
  return Fd(bpf_call(BPF_LINK_CREATE, create));
}

bool link_info(int fd, TcxLinkInfo& info) {
  bpf_link_info whole{};
  __u32 size = sizeof whole;
  if (fd < 0 || ::bpf_obj_get_info_by_fd(fd, &whole, &size) != 0) return false;
  std::memcpy(&info, &whole, sizeof info);
  return true;
}

struct Attached {
  __u32 program = 0, link = 0;
};

// Programs on a hook in the order in which they run; errno is set when it cannot be told.
bool query_hook(std::uint32_t interface, bpf_attach_type type, std::vector<Attached>& found) {
  std::array<__u32, kMostPrograms> programs{}, links{};
  TcxQuery query{};
  query.interface = interface;
  query.attach_type = static_cast<__u32>(type);
  query.programs = reinterpret_cast<std::uintptr_t>(programs.data());
  query.links = reinterpret_cast<std::uintptr_t>(links.data());
  query.count = kMostPrograms;
  if (bpf_call(BPF_PROG_QUERY, query) != 0) return false;
  for (std::uint32_t i = 0; i < std::min(query.count, kMostPrograms); ++i) found.push_back({programs[i], links[i]});
  return true;
}

Fd load_hold_program() {
  const bpf_insn drop_all[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, kDrop}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return Fd(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "weft_hold", "GPL", drop_all, std::size(drop_all), nullptr));
}

}  // namespace

bool kernel_has_tcx() {
  std::vector<Attached> ignored;
  auto loopback = ::if_nametoindex("lo");
  return loopback == 0 || query_hook(loopback, kTcxIngress, ignored) || errno != EINVAL;
}

std::filesystem::path PodLinks::link_pin(const Side& side, std::uint32_t interface) const {
  return bpffs_ / "links" / numbered_pin(side.hook->name, interface);
}

const PodLinks::Side& PodLinks::side_of(const Hook& hook) const {
  return *std::find_if(sides_.begin(), sides_.end(), [&](const Side& side) { return side.hook->name == hook.name; });
}

Result<PodLinks> PodLinks::adopt(const std::filesystem::path& bpffs) {
  PodLinks links;
  links.bpffs_ = bpffs;
  for (std::size_t i = 0; i < kPodHooks.size(); ++i) {
    links.sides_[i].hook = &kPodHooks[i];
    WEFT_TRY(links.adopt_side(links.sides_[i]));
  }
  return links;
}

Result<> PodLinks::adopt_side(Side& side) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(bpffs_ / "links", ignored)) {
    auto interface = number_of_pin(side.hook->name, entry.path().filename().string());
    if (!interface) continue;
    Fd fd(::bpf_obj_get(entry.path().c_str()));
    if (!fd) return fail_errno(errno, "open pinned link " + entry.path().string());
    TcxLinkInfo info{};
    if (link_info(fd.get(), info) && info.interface == *interface)
      side.links.emplace(*interface, std::move(fd));
    else
      ::unlink(entry.path().c_str());
  }
  side.pins = ProgramPins(bpffs_, side.hook->name);
  return {};
}

std::set<std::uint32_t> PodLinks::live_maps() const {
  std::set<std::uint32_t> running, maps;
  for (const auto& side : sides_)
    for (const auto& [interface, link] : side.links)
      if (TcxLinkInfo info{}; link_info(link.get(), info)) running.insert(info.program);
  for (const auto& side : sides_)
    for (const auto& [id, program] : side.pins.earlier())
      if (running.contains(id)) maps.merge(maps_of_program(program.get()));
  return maps;
}

Result<> PodLinks::swap(const BpfObject& object) {
  if (!object.has(Feature::kPolicy)) {
    for (auto interface : interfaces()) detach(interface);
    for (auto& side : sides_) side.pins.drop_others(0);
    return {};
  }
  hold_ = load_hold_program();
  if (!hold_) return fail_errno(errno, "load a program that drops everything");
  for (auto& side : sides_) WEFT_TRY(swap_side(side, object.program_fd(side.hook->program)));
  return {};
}

Result<> PodLinks::swap_side(Side& side, int program) {
  side.program = program;
  WEFT_TRY(side.pins.put(program));
  auto id = program_id(program);
  side.program_id = id;
  for (auto& [interface, link] : side.links) {
    TcxLinkInfo info{};
    if (!link_info(link.get(), info) || info.interface == 0 || info.program == id) continue;
    auto swapped =
        replace_program(link.get(), program, side.pins.find(info.program), numbered_pin(side.hook->name, interface));
    if (!swapped && link_info(link.get(), info) && info.interface != 0) return swapped;  // else it went meanwhile
  }
  side.pins.drop_others(id);
  return {};
}

std::set<std::uint32_t> PodLinks::interfaces() const {
  std::set<std::uint32_t> all;
  for (const auto& side : sides_)
    for (const auto& [interface, link] : side.links) all.insert(interface);
  return all;
}

bool PodLinks::has(std::uint32_t interface) const {
  return std::all_of(sides_.begin(), sides_.end(), [&](const Side& side) { return side.links.contains(interface); });
}

Result<bool> PodLinks::attach(std::uint32_t interface) {
  bool changed = false;
  for (auto& side : sides_) changed = WEFT_TRY(attach_side(side, interface)) || changed;
  return changed;
}

Result<> PodLinks::create_link(Side& side, std::uint32_t interface) {
  auto fresh = create_tcx_link(side.program, interface, side.hook->type);
  if (!fresh) return fail_errno(errno, "attach " + numbered_pin(side.hook->name, interface));
  auto pin = link_pin(side, interface);
  ::unlink(pin.c_str());
  if (::bpf_obj_pin(fresh.get(), pin.c_str()) != 0) return fail_errno(errno, "pin " + pin.string());
  side.links[interface] = std::move(fresh);
  return {};
}

Result<bool> PodLinks::attach_side(Side& side, std::uint32_t interface) {
  std::vector<Attached> on_hook;
  if (!query_hook(interface, side.hook->type, on_hook))
    return fail_errno(errno, "look at " + numbered_pin(side.hook->name, interface));
  auto known = side.links.find(interface);
  TcxLinkInfo info{};
  bool attached = known != side.links.end() && link_info(known->second.get(), info) && info.interface == interface;
  if (!attached) {
    WEFT_TRY(create_link(side, interface));
    return true;
  }
  if (!on_hook.empty() && on_hook.front().link != info.id) {
    auto hold = create_tcx_link(hold_.get(), interface, side.hook->type);
    if (!hold) return fail_errno(errno, "move " + numbered_pin(side.hook->name, interface) + " to the front");
    ::bpf_link_detach(known->second.get());
    WEFT_TRY(create_link(side, interface));
    return true;
  }
  bool replaced = info.program != side.program_id;
  if (replaced)
    WEFT_TRY(replace_program(known->second.get(), side.program, -1, numbered_pin(side.hook->name, interface)));
  auto pin = link_pin(side, interface);
  if (::access(pin.c_str(), F_OK) == 0) return replaced;
  if (::bpf_obj_pin(known->second.get(), pin.c_str()) != 0) return fail_errno(errno, "pin " + pin.string());
  return true;
}

// The pin goes last: an agent that dies in between finds a link of no interface.
void PodLinks::detach_side(Side& side, std::uint32_t interface) {
  auto known = side.links.find(interface);
  if (known == side.links.end()) return;
  ::bpf_link_detach(known->second.get());
  ::unlink(link_pin(side, interface).c_str());
  side.links.erase(known);
}

void PodLinks::detach(std::uint32_t interface) {
  for (auto side = sides_.rbegin(); side != sides_.rend(); ++side) detach_side(*side, interface);
}

PodHookState PodLinks::audit(std::uint32_t interface, const Hook& hook) const {
  const auto& side = side_of(hook);
  PodHookState state;
  TcxLinkInfo info{};
  auto known = side.links.find(interface);
  bool ours = known != side.links.end() && link_info(known->second.get(), info) && info.interface == interface;
  state.attached = ours && info.program == side.program_id && ::access(link_pin(side, interface).c_str(), F_OK) == 0;
  std::vector<Attached> on_hook;
  (void)query_hook(interface, hook.type, on_hook);
  bool passed = false;
  for (const auto& entry : on_hook) {
    if (ours && entry.link == info.id)
      passed = true;
    else
      (passed ? state.behind : state.before).push_back(describe_program(entry.program));
  }
  return state;
}

}  // namespace weft
