// Everything that the loop thread knows, in one place: the backend reads it, the agent writes it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/app/controller.hpp"
#include "agent/app/mitigations.hpp"
#include "agent/app/observer.hpp"
#include "agent/app/pod_guard.hpp"
#include "agent/app/policy_controller.hpp"
#include "agent/app/uplink_guard.hpp"
#include "agent/config/load.hpp"
#include "agent/kernel/datapath.hpp"
#include "agent/observe/flow_log.hpp"
#include "agent/observe/metrics_page.hpp"
#include "agent/observe/seen_book.hpp"

namespace weft {

struct SourceFacts {
  std::int64_t last_change_ns = 0;  // since 1970
};

struct AgentState {
  LoadedConfig config;
  std::optional<Datapath> datapath;
  std::unique_ptr<Controller> controller;
  std::unique_ptr<PolicyController> policy;
  std::unique_ptr<PodGuard> pods;  // from going live on
  std::unique_ptr<Mitigations> mitigations;
  std::unique_ptr<UplinkGuard> uplinks;  // from going live on
  bool pods_attached = false;            // once: what was there at the start
  bool live = false;                     // every hook runs our programs
  std::vector<AttachmentState> attachments;
  bool pins_present = true;
  ObserverReport report;
  FlowLog flows;
  SeenBook seen;
  std::shared_ptr<AgentMetrics> agent_metrics;
  std::shared_ptr<const MetricsPage> page;
  std::map<SourceId, SourceFacts> sources;
  std::uint64_t drift_repaired = 0;
  std::int64_t started_ns = 0;  // since 1970
  std::uint64_t started_monotonic_ns = 0;

  const Config& settings() const { return config.config; }
};

// Sorted numeric names of the workloads that own an address or a process.
std::vector<std::uint32_t> live_identities(const Compiled& compiled);
// Names of the newest compile and of the rules of policy, for observers.
std::shared_ptr<const NameSource> name_source(const AgentState& state);

}  // namespace weft
