#include "agent/kernel/datapath.hpp"

#include <sys/stat.h>

#include "agent/kernel/environment.hpp"

namespace weft {

Result<Datapath> Datapath::open(const DatapathOptions& options) {
  WEFT_TRY(check_capabilities());
  WEFT_TRY(check_btf());
  auto cgroup = WEFT_TRY(open_cgroup2(options.cgroup));
  Datapath datapath;
  datapath.bpffs_ = options.bpffs;
  datapath.directory_ = WEFT_TRY(open_pin_directory(options.bpffs));
  WEFT_TRY(lock_pin_directory(datapath.directory_, options.bpffs));
  datapath.links_ = std::make_unique<Links>(WEFT_TRY(Links::adopt(options.bpffs, options.cgroup, std::move(cgroup))));
  datapath.pod_hooks_ = WEFT_TRY(adopt_pod_hooks(options.bpffs));
  datapath.uplink_links_ = std::make_unique<UplinkLinks>(WEFT_TRY(UplinkLinks::adopt(options.bpffs)));
  auto live_maps = datapath.links_->live_maps();
  live_maps.merge(datapath.pod_hooks_->live_maps());
  live_maps.merge(datapath.uplink_links_->live_maps());
  datapath.object_ = std::make_unique<BpfObject>(WEFT_TRY(BpfObject::load(options, live_maps)));
  datapath.tables_ = std::make_unique<KernelTables>(*datapath.object_);
  datapath.policy_ = std::make_unique<KernelPolicyTables>(*datapath.object_);
  datapath.pod_tables_ = std::make_unique<PodTables>(*datapath.object_);
  datapath.deny_tables_ = std::make_unique<DenyTables>(*datapath.object_);
  datapath.facts_ = std::make_unique<KernelFacts>(WEFT_TRY(KernelFacts::open(*datapath.object_)));
  return datapath;
}

Result<> Datapath::go_live() {
  WEFT_TRY(object_->stage_pins());
  WEFT_TRY(links_->attach(*object_));
  WEFT_TRY(pod_hooks_->swap(*object_));
  WEFT_TRY(uplink_links_->swap(*object_));  // the slowest goes last
  object_->catch_up();
  return object_->settle_pins();
}

std::vector<FeatureState> Datapath::features() const {
  std::vector<FeatureState> states;
  for (auto [feature, name] : {std::pair{Feature::kBalancing, "balancing"}, std::pair{Feature::kFlows, "flows"},
                               std::pair{Feature::kPolicy, "policy"}, std::pair{Feature::kDenyList, "deny list"}}) {
    FeatureState state{name, object_->has(feature), ""};
    for (const auto& program : kPrograms)
      if (auto problem = object_->problems().find(std::string(program.name));
          program.feature == feature && problem != object_->problems().end())
        state.detail += (state.detail.empty() ? "" : "; ") + problem->first + ": " + problem->second;
    states.push_back(std::move(state));
  }
  return states;
}

bool Datapath::pins_present() const {
  struct stat ours{}, named{};
  return ::fstat(directory_.get(), &ours) == 0 && ::stat(bpffs_.c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

}  // namespace weft
