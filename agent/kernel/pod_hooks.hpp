// The two programs on the host side of each pod's interface, ours before all others, so that nobody's verdict goes
// before policy. As on the cgroup, a new agent swaps the programs in place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"

namespace weft {

class BpfObject;

// One hook of one interface as the kernel tells it now.
struct PodHookState {
  bool attached = false;            // our program, kept without an agent
  std::vector<std::string> before;  // programs of others that run before ours, or alone
  std::vector<std::string> behind;
};

class PodHooks {
 public:
  virtual ~PodHooks() = default;

  // Maps used by the programs that are attached now.
  virtual std::set<std::uint32_t> live_maps() const = 0;

  // Every interface of ours runs the object's programs from here on; all are detached when it lacks them.
  virtual Result<> swap(const BpfObject& object) = 0;

  // Interfaces that have a program of ours.
  virtual std::set<std::uint32_t> interfaces() const = 0;
  virtual bool has(std::uint32_t interface) const = 0;  // both programs

  // Attaches what is missing and moves ours to the front; no packet passes unjudged meanwhile, a few may be lost.
  // ENODEV: the interface is gone. Returns whether anything had to be done.
  virtual Result<bool> attach(std::uint32_t interface) = 0;
  virtual void detach(std::uint32_t interface) = 0;
  virtual PodHookState audit(std::uint32_t interface, const Hook& hook) const = 0;
};

// Opens what earlier agents attached, and forgets interfaces that are gone. Attaches nothing. tcx from Linux 6.6 on
// (pod_links.hpp), filters of clsact before (pod_filters.hpp).
Result<std::unique_ptr<PodHooks>> adopt_pod_hooks(const std::filesystem::path& bpffs);

}  // namespace weft
