#include "agent/kernel/pod_links.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>

#include "agent/kernel/object.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/kernel/tcx.hpp"

namespace weft {
namespace {

constexpr int kDrop = 2;  // TC_ACT_SHOT

Fd load_hold_program() {
  const bpf_insn drop_all[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, kDrop}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return Fd(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "weft_hold", "GPL", drop_all, std::size(drop_all), nullptr));
}

}  // namespace

const InterfaceHook& PodLinks::side_of(const Hook& hook) const {
  return *std::ranges::find_if(sides_, [&](const InterfaceHook& side) { return side.hook().name == hook.name; });
}

Result<PodLinks> PodLinks::adopt(const std::filesystem::path& bpffs) {
  return PodLinks(
      {WEFT_TRY(InterfaceHook::adopt(bpffs, kPodHooks[0])), WEFT_TRY(InterfaceHook::adopt(bpffs, kPodHooks[1]))});
}

std::set<std::uint32_t> PodLinks::live_maps() const {
  std::set<std::uint32_t> maps;
  for (const auto& side : sides_) maps.merge(side.live_maps());
  return maps;
}

Result<> PodLinks::swap(const BpfObject& object) {
  if (!object.has(Feature::kPolicy)) {
    for (auto& side : sides_) side.drop();
    return {};
  }
  hold_ = load_hold_program();
  if (!hold_) return fail_errno(errno, "load a program that drops everything");
  for (auto& side : sides_) WEFT_TRY(side.swap(object.program_fd(side.hook().program)));
  return {};
}

std::set<std::uint32_t> PodLinks::interfaces() const {
  std::set<std::uint32_t> all;
  for (const auto& side : sides_)
    for (const auto& [interface, link] : side.links()) all.insert(interface);
  return all;
}

bool PodLinks::has(std::uint32_t interface) const {
  return std::ranges::all_of(sides_, [&](const InterfaceHook& side) { return side.has(interface); });
}

Result<bool> PodLinks::attach(std::uint32_t interface) {
  bool changed = false;
  for (auto& side : sides_) changed = WEFT_TRY(attach_side(side, interface)) || changed;
  return changed;
}

Result<> PodLinks::create_link(InterfaceHook& side, std::uint32_t interface) {
  auto fresh = create_tcx_link(side.program(), interface, side.hook().type);
  if (!fresh) return fail_errno(errno, "attach " + side.name_at(interface));
  return side.keep(interface, std::move(fresh));
}

Result<bool> PodLinks::attach_side(InterfaceHook& side, std::uint32_t interface) {
  auto on_hook = query_tcx(interface, side.hook().type);
  if (!on_hook) return fail_errno(errno, "look at " + side.name_at(interface));
  auto ours = side.find(interface);
  if (!ours) {
    WEFT_TRY(create_link(side, interface));
    return true;
  }
  if (!on_hook->empty() && on_hook->front().link != ours->id) {
    auto hold = create_tcx_link(hold_.get(), interface, side.hook().type);
    if (!hold) return fail_errno(errno, "move " + side.name_at(interface) + " to the front");
    side.unhook(interface);
    WEFT_TRY(create_link(side, interface));
    return true;
  }
  bool restored = WEFT_TRY(side.restore_program(interface));
  return WEFT_TRY(side.pin_again(interface)) || restored;
}

void PodLinks::detach(std::uint32_t interface) {
  for (auto side = sides_.rbegin(); side != sides_.rend(); ++side)
    if (side->has(interface)) side->detach(interface);
}

PodHookState PodLinks::audit(std::uint32_t interface, const Hook& hook) const {
  const auto& side = side_of(hook);
  PodHookState state;
  auto ours = side.find(interface);
  state.attached = ours && side.runs_ours(*ours) && side.is_pinned(interface);
  bool passed = false;
  for (const auto& entry : query_tcx(interface, hook.type).value_or(std::vector<AttachedProgram>())) {
    if (ours && entry.link == ours->id)
      passed = true;
    else
      (passed ? state.behind : state.before).push_back(describe_program(entry.program));
  }
  return state;
}

}  // namespace weft
