// Programs of pods by tcx (Linux 6.6): pinned links, which stay without an agent.
#pragma once

#include <array>
#include <map>

#include "agent/base/fd.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/kernel/pod_hooks.hpp"

namespace weft {

bool kernel_has_tcx();

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
  struct Side {
    const Hook* hook = nullptr;
    int program = -1;  // owned by the object
    std::uint32_t program_id = 0;
    std::map<std::uint32_t, Fd> links;  // by interface
    ProgramPins pins;
  };
  PodLinks() = default;
  std::filesystem::path link_pin(const Side& side, std::uint32_t interface) const;
  Result<> adopt_side(Side& side);
  Result<> swap_side(Side& side, int program);
  Result<bool> attach_side(Side& side, std::uint32_t interface);
  Result<> create_link(Side& side, std::uint32_t interface);
  void detach_side(Side& side, std::uint32_t interface);
  const Side& side_of(const Hook& hook) const;

  std::filesystem::path bpffs_;
  std::array<Side, kPodHooks.size()> sides_;
  Fd hold_;  // a program that drops everything, for the moment in which ours is moved
};

}  // namespace weft
