// Programs of pods where tcx is missing (before Linux 6.6): filters of a clsact qdisc (tc-bpf(8)) in direct-action
// mode. They live with the interface, without a pin. A program of somebody else on tcx would run before them.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "agent/kernel/netlink_socket.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/kernel/pod_hooks.hpp"

namespace weft {

// A BPF filter of an interface, in the order in which they run.
struct TcFilter {
  std::uint32_t priority = 0, handle = 0, program = 0;  // program: its id; 0: a filter of another kind
};

class PodFilters : public PodHooks {
 public:
  static Result<PodFilters> adopt(const std::filesystem::path& bpffs);

  std::set<std::uint32_t> live_maps() const override;
  Result<> swap(const BpfObject& object) override;
  std::set<std::uint32_t> interfaces() const override;
  bool has(std::uint32_t interface) const override;
  Result<bool> attach(std::uint32_t interface) override;
  void detach(std::uint32_t interface) override;
  PodHookState audit(std::uint32_t interface, const Hook& hook) const override;

 private:
  struct Side {
    const Hook* hook = nullptr;
    int program = -1;                    // owned by the object
    std::set<std::uint32_t> interfaces;  // that have our filter
    ProgramPins pins;
  };
  explicit PodFilters(RouteAsker asker) : asker_(std::move(asker)) {}
  bool is_ours(const Side& side, const TcFilter& filter) const;
  const Side& side_of(const Hook& hook) const;
  Result<bool> attach_side(Side& side, std::uint32_t interface);

  mutable RouteAsker asker_;
  std::array<Side, kPodHooks.size()> sides_;
};

// Filters that run a program pinned below `bpffs`: interface names with hook names. Removed unless `dry_run`.
Result<std::vector<std::string>> remove_pod_filters(const std::filesystem::path& bpffs, bool dry_run);

}  // namespace weft
