// One program on the same hook of many interfaces: a pinned link each. A new agent swaps the program within the links.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/kernel/tcx.hpp"

namespace weft {

class InterfaceHook {
 public:
  // Opens what earlier agents pinned, and removes the pins of interfaces that are gone. Attaches nothing.
  static Result<InterfaceHook> adopt(const std::filesystem::path& bpffs, const Hook& hook);

  const Hook& hook() const { return *hook_; }
  int program() const { return program_; }
  std::string name_at(std::uint32_t interface) const;  // "pod_egress_7"

  // Maps used by the programs that the links run now.
  std::set<std::uint32_t> live_maps() const;
  // Every link runs the program, which its object owns, from here on.
  Result<> swap(int program);
  // Detaches all and removes every pin.
  void drop();

  // Interfaces that have a link of ours, as far as we know.
  const std::map<std::uint32_t, Fd>& links() const { return links_; }
  bool has(std::uint32_t interface) const { return links_.contains(interface); }
  // Our link, if the kernel still has it on the interface.
  std::optional<InterfaceLinkInfo> find(std::uint32_t interface) const;
  bool is_pinned(std::uint32_t interface) const;
  bool runs_ours(const InterfaceLinkInfo& link) const { return link.program == program_id_; }

  Result<> keep(std::uint32_t interface, Fd link);
  // Sets right a link whose program somebody swapped; returns whether that was so.
  Result<bool> restore_program(std::uint32_t interface);
  // Makes the pin of a link that lost it; returns whether it had.
  Result<bool> pin_again(std::uint32_t interface);
  // Only from the interface: the link is still known.
  void unhook(std::uint32_t interface) const;
  void detach(std::uint32_t interface);

 private:
  InterfaceHook(const std::filesystem::path& bpffs, const Hook& hook)
      : bpffs_(bpffs), hook_(&hook), pins_(bpffs, hook.name) {}
  std::filesystem::path link_pin(std::uint32_t interface) const;
  Result<> adopt_links();
  Result<> swap_link(std::uint32_t interface, int link);

  std::filesystem::path bpffs_;
  const Hook* hook_;
  int program_ = -1;
  std::uint32_t program_id_ = 0;
  std::map<std::uint32_t, Fd> links_;  // by interface
  ProgramPins pins_;
};

}  // namespace weft
