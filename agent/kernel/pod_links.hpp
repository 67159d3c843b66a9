// Programs of pods by tcx (Linux 6.6): pinned links, which stay without an agent.
#pragma once

#include <array>
#include <utility>

#include "agent/base/fd.hpp"
#include "agent/kernel/interface_hook.hpp"
#include "agent/kernel/pod_hooks.hpp"

namespace weft {

class PodLinks : public PodHooks {
 public:
  static Result<PodLinks> adopt(const std::filesystem::path& bpffs);

  std::set<std::uint32_t> live_maps() const override;
  Result<> swap(const BpfObject& object) override;
  std::set<std::uint32_t> interfaces() const override;
  bool has(std::uint32_t interface) const override;
  // A new link takes the kernel about 10 ms (it waits for RCU), though it judges from the first on.
  Result<bool> attach(std::uint32_t interface) override;
  void detach(std::uint32_t interface) override;
  PodHookState audit(std::uint32_t interface, const Hook& hook) const override;

 private:
  explicit PodLinks(std::array<InterfaceHook, kPodHooks.size()> sides) : sides_(std::move(sides)) {}
  Result<bool> attach_side(InterfaceHook& side, std::uint32_t interface);
  Result<> create_link(InterfaceHook& side, std::uint32_t interface);
  const InterfaceHook& side_of(const Hook& hook) const;

  std::array<InterfaceHook, kPodHooks.size()> sides_;
  Fd hold_;  // a program that drops everything, for the moment in which ours is moved
};

}  // namespace weft
