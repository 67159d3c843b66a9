// Keeps the interfaces towards the network (datapath.uplinks) under the deny list, on the loop thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/kernel/datapath.hpp"
#include "agent/kernel/uplink_interfaces.hpp"

namespace weft {

class UplinkGuard {
 public:
  // `is_pod`: interfaces that are left out even where a glob matches them. What an earlier agent attached elsewhere is
  // detached.
  static Result<std::unique_ptr<UplinkGuard>> start(Datapath& datapath, std::vector<std::string> globs,
                                                    std::function<bool(std::uint32_t)> is_pod);

  int fd() const { return interfaces_.fd(); }
  void on_readable();
  // Attaches what is missing, detaches what is no uplink any more, and looks at all.
  void settle();

  // Links repaired since the last call.
  std::size_t take_repaired() { return std::exchange(repaired_, 0); }
  const std::vector<AttachmentState>& attachments() const { return attachments_; }
  // Uplinks on which the deny list acts, of all that there are.
  std::size_t guarded() const { return guarded_; }
  std::size_t uplinks() const { return uplinks_; }
  bool wanted() const { return wanted_; }  // datapath.uplinks names some

 private:
  UplinkGuard(Datapath& datapath, UplinkInterfaces interfaces, std::function<bool(std::uint32_t)> is_pod, bool wanted);
  void attach(std::uint32_t index, const std::string& name);
  void audit(std::uint32_t index, const std::string& name);

  UplinkLinks& links_;
  bool available_;
  bool wanted_;
  UplinkInterfaces interfaces_;
  std::function<bool(std::uint32_t)> is_pod_;
  std::map<std::uint32_t, std::string> failures_;
  std::map<std::uint32_t, bool> seen_;  // by interface: whether it was attached when we looked last
  std::vector<AttachmentState> attachments_;
  std::size_t guarded_ = 0, uplinks_ = 0;
  std::size_t repaired_ = 0;
};

}  // namespace weft
