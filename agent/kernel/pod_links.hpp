// The two programs on the host side of each pod's interface: pinned tcx links (Linux 6.6), ours before all others, so
// that nobody's verdict goes before policy. As on the cgroup, a new agent swaps the programs within the links.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"

namespace weft {

class BpfObject;

// Why this kernel cannot hang our programs on interfaces; empty when it can.
std::string tcx_problem();

// One hook of one interface as the kernel tells it now.
struct PodHookState {
  bool attached = false;            // and pinned
  std::vector<std::string> before;  // programs of others that run before ours, or alone
  std::vector<std::string> behind;
};

class PodLinks {
 public:
  // Opens what earlier agents pinned, and removes the pins of interfaces that are gone. Attaches nothing.
  static Result<PodLinks> adopt(const std::filesystem::path& bpffs);

  // Maps used by the programs that are attached now.
  std::set<std::uint32_t> live_maps() const;

  // Every link runs the object's programs from here on; all are detached when it lacks them.
  Result<> swap(const BpfObject& object);

  // Interfaces that have a link of ours.
  std::set<std::uint32_t> interfaces() const;
  bool has(std::uint32_t interface) const;

  // Attaches what is missing and moves ours to the front; no packet passes unjudged meanwhile, a few may be lost.
  // ENODEV: the interface is gone. A new link takes the kernel about 10 ms (it waits for RCU), though it judges from
  // the first on. Returns whether anything had to be done.
  Result<bool> attach(std::uint32_t interface);
  void detach(std::uint32_t interface);
  PodHookState audit(std::uint32_t interface, const Hook& hook) const;

 private:
  struct Side {
    const Hook* hook = nullptr;
    int program = -1;                            // owned by the object
    std::map<std::uint32_t, Fd> links;           // by interface
    std::map<std::uint32_t, Fd> older_programs;  // by id, until no link runs them
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
