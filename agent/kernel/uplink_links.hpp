// The deny list on the interfaces towards the network. XDP in the driver, else XDP in the kernel's generic form; where
// somebody else has an XDP program, which we leave alone, or no XDP program can be, tcx ingress (Linux 6.6).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/kernel/interface_hook.hpp"

namespace weft {

class BpfObject;

// How one uplink is guarded as the kernel tells it now.
struct UplinkState {
  bool attached = false;             // and pinned
  const Hook* hook = nullptr;        // of the program that is; the XDP one when none is
  std::string detail;                // "driver mode", "generic mode", or why XDP is not used
  std::vector<std::string> foreign;  // XDP programs of others, and tcx programs before ours
};

class UplinkLinks {
 public:
  // Opens what earlier agents pinned. Attaches nothing.
  static Result<UplinkLinks> adopt(const std::filesystem::path& bpffs);

  // Maps used by the programs that are attached now.
  std::set<std::uint32_t> live_maps() const;
  // Every link runs the object's programs from here on; all are detached when it lacks them. A link of XDP may take
  // the driver 60 ms.
  Result<> swap(const BpfObject& object);

  std::set<std::uint32_t> interfaces() const;
  // Attaches what is missing, and moves from tcx to XDP once that is possible: always at least one of both meanwhile.
  // Returns whether anything had to be done. ENODEV: the interface is gone.
  Result<bool> attach(std::uint32_t interface);
  void detach(std::uint32_t interface);
  UplinkState audit(std::uint32_t interface) const;

 private:
  UplinkLinks(InterfaceHook xdp, InterfaceHook tcx) : xdp_(std::move(xdp)), tcx_(std::move(tcx)) {}
  Result<> attach_xdp(std::uint32_t interface);
  Result<bool> attach_tcx(std::uint32_t interface);
  std::vector<std::string> foreign_xdp(std::uint32_t interface) const;

  InterfaceHook xdp_, tcx_;
  std::map<std::uint32_t, std::string> without_xdp_;  // interfaces whose driver and generic XDP refused, and why
};

}  // namespace weft
