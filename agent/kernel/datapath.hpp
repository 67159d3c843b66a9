// The kernel side of one agent: everything below `bpffs` and on the hooks of `cgroup`. Opening it attaches nothing, so
// that the maps can be filled first; going live swaps or attaches every hook. Destroying it leaves the kernel as it is.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/kernel/deny_tables.hpp"
#include "agent/kernel/facts.hpp"
#include "agent/kernel/links.hpp"
#include "agent/kernel/object.hpp"
#include "agent/kernel/options.hpp"
#include "agent/kernel/pod_hooks.hpp"
#include "agent/kernel/pod_tables.hpp"
#include "agent/kernel/policy_tables.hpp"
#include "agent/kernel/ring.hpp"
#include "agent/kernel/tables.hpp"
#include "agent/kernel/uplink_links.hpp"

namespace weft {

struct FeatureState {
  std::string name;
  bool available = false;
  std::string detail;
};

class Datapath {
 public:
  // Checks the machine, takes the lock, loads. Every failure is one line with its fix; nothing was changed then.
  static Result<Datapath> open(const DatapathOptions& options);

  // All hooks run our programs from here on.
  Result<> go_live();

  std::vector<AttachmentState> audit() const { return links_->audit(); }
  Result<std::vector<std::string>> repair() { return links_->repair(*object_); }
  std::vector<FeatureState> features() const;
  const std::vector<std::string>& copied() const { return object_->copied(); }
  const KernelTables& tables() const { return *tables_; }
  const KernelPolicyTables& policy() const { return *policy_; }
  bool has(Feature feature) const { return object_->has(feature); }
  PodHooks& pod_hooks() { return *pod_hooks_; }
  const PodTables& pod_tables() const { return *pod_tables_; }
  UplinkLinks& uplink_links() { return *uplink_links_; }
  const DenyTables& deny_tables() const { return *deny_tables_; }
  const KernelFacts& facts() const { return *facts_; }
  Result<Ring> open_ring(Ring::Handler on_record) const {
    return Ring::open(object_->map_fd("weft_events"), std::move(on_record));
  }
  // False once somebody removed our pin directory or unmounted its file system.
  bool pins_present() const;

 private:
  Datapath() = default;
  std::filesystem::path bpffs_;
  Fd directory_;  // holds the lock
  std::unique_ptr<Links> links_;
  std::unique_ptr<PodHooks> pod_hooks_;
  std::unique_ptr<UplinkLinks> uplink_links_;
  std::unique_ptr<BpfObject> object_;
  std::unique_ptr<KernelTables> tables_;
  std::unique_ptr<KernelPolicyTables> policy_;
  std::unique_ptr<PodTables> pod_tables_;
  std::unique_ptr<DenyTables> deny_tables_;
  std::unique_ptr<KernelFacts> facts_;
};

}  // namespace weft
