#include "agent/observe/agent_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>
#include <string.h>

#include <map>
#include <set>

#include "agent/observe/families.hpp"

namespace weft {
namespace {

#define WEFT_X_NAME(code, name) std::string_view(name),
constexpr std::string_view kHelperNames[] = {WEFT_HELPERS(WEFT_X_NAME)};
#undef WEFT_X_NAME

#define WEFT_X_NAME(code, name, sentence) std::string_view(name),
constexpr std::string_view kDropNames[] = {WEFT_DROPS(WEFT_X_NAME)};
#undef WEFT_X_NAME

const prometheus::Histogram::BucketBoundaries kPropagationBounds{0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25,
                                                                 0.5,   1,    2.5,   5,    10,  30};

template <class Builder>
auto& build(Builder builder, FamilyId id, prometheus::Registry& registry) {
  const auto& family = metric_family(id);
  return builder.Name(std::string(family.name)).Help(std::string(family.help)).Register(registry);
}

// A counter whose absolute value is kept elsewhere.
void raise_to(prometheus::Counter& counter, double value) {
  if (value > counter.Value()) counter.Increment(value - counter.Value());
}

std::string errno_name(std::uint32_t error) {
  const char* name = ::strerrorname_np(static_cast<int>(error));
  return name != nullptr ? name : std::to_string(error);
}

// Gauges of a family by their labels; what a round does not set disappears at its end.
class GaugeSet {
 public:
  explicit GaugeSet(prometheus::Family<prometheus::Gauge>& family) : family_(family) {}
  void set(const prometheus::Labels& labels, double value) {
    auto [it, added] = gauges_.try_emplace(labels, nullptr);
    if (added) it->second = &family_.Add(labels);
    it->second->Set(value);
    said_.insert(labels);
  }
  void end_round() {
    std::erase_if(gauges_, [&](const auto& item) {
      bool stale = !said_.contains(item.first);
      if (stale) family_.Remove(item.second);
      return stale;
    });
    said_.clear();
  }

 private:
  prometheus::Family<prometheus::Gauge>& family_;
  std::map<prometheus::Labels, prometheus::Gauge*> gauges_;
  std::set<prometheus::Labels> said_;
};

}  // namespace

std::string_view metric_type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "";
}

std::string_view attachment_state_name(Attachment::State state) {
  switch (state) {
    case Attachment::State::kAttached:
      return "attached";
    case Attachment::State::kMissing:
      return "missing";
    case Attachment::State::kForeign:
      return "foreign";
  }
  return "";
}

struct AgentMetrics::Families {
  prometheus::Registry registry;
  prometheus::Family<prometheus::Gauge>& gauge_family(FamilyId id) {
    return build(prometheus::BuildGauge(), id, registry);
  }
  prometheus::Family<prometheus::Counter>& counter_family(FamilyId id) {
    return build(prometheus::BuildCounter(), id, registry);
  }
  prometheus::Gauge& gauge(FamilyId id) { return gauge_family(id).Add({}); }
  prometheus::Counter& counter(FamilyId id) { return counter_family(id).Add({}); }

  prometheus::Family<prometheus::Gauge>& build_info = gauge_family(FamilyId::kBuildInfo);
  GaugeSet features{gauge_family(FamilyId::kKernelFeature)};
  GaugeSet attachments{gauge_family(FamilyId::kAttachments)};
  prometheus::Gauge& unenforced = gauge(FamilyId::kUnenforced);
  prometheus::Family<prometheus::Counter>& proof_family = counter_family(FamilyId::kEnforcementProofs);
  prometheus::Counter& proofs_proven = proof_family.Add({{"result", "proven"}});
  prometheus::Counter& proofs_failed = proof_family.Add({{"result", "failed"}});
  prometheus::Gauge& quarantined = gauge(FamilyId::kQuarantined);
  GaugeSet map_entries{gauge_family(FamilyId::kMapEntries)};
  GaugeSet map_max_entries{gauge_family(FamilyId::kMapMaxEntries)};
  prometheus::Family<prometheus::Counter>& helper_errors = counter_family(FamilyId::kHelperErrors);
  prometheus::Counter& events = counter(FamilyId::kEvents);
  prometheus::Counter& events_lost = counter(FamilyId::kEventsLost);
  prometheus::Counter& events_invalid = counter(FamilyId::kEventsInvalid);
  prometheus::Counter& edge_updates_lost = counter(FamilyId::kEdgeUpdatesLost);
  prometheus::Counter& selections = counter(FamilyId::kLbSelections);
  prometheus::Counter& no_endpoint = counter(FamilyId::kLbNoEndpoint);
  prometheus::Counter& affinity_hits = counter(FamilyId::kLbAffinityHits);
  prometheus::Counter& inconsistent = counter(FamilyId::kLbInconsistent);
  prometheus::Family<prometheus::Counter>& drops = counter_family(FamilyId::kDrops);
  prometheus::Family<prometheus::Gauge>& objects = gauge_family(FamilyId::kDiscoveryObjects);
  prometheus::Family<prometheus::Gauge>& last_sync = gauge_family(FamilyId::kDiscoveryLastSync);
  prometheus::Histogram& propagation =
      build(prometheus::BuildHistogram(), FamilyId::kPropagation, registry).Add({}, kPropagationBounds);
  prometheus::Gauge& apply_lag = gauge(FamilyId::kApplyLag);
  prometheus::Counter& drift_repaired = counter(FamilyId::kDriftRepaired);
  prometheus::Family<prometheus::Counter>& reload_family = counter_family(FamilyId::kConfigReloads);
  prometheus::Counter& reloads_applied = reload_family.Add({{"result", "applied"}});
  prometheus::Counter& reloads_refused = reload_family.Add({{"result", "refused"}});
  prometheus::Counter& cpu = counter(FamilyId::kProcessCpu);
  prometheus::Gauge& resident = gauge(FamilyId::kProcessResident);
  prometheus::Gauge& virtual_memory = gauge(FamilyId::kProcessVirtual);
  prometheus::Gauge& open_fds = gauge(FamilyId::kProcessOpenFds);
  prometheus::Gauge& max_fds = gauge(FamilyId::kProcessMaxFds);
  prometheus::Gauge& threads = gauge(FamilyId::kProcessThreads);
  prometheus::Gauge& start_time = gauge(FamilyId::kProcessStart);
};

AgentMetrics::AgentMetrics(std::string_view version) : families_(std::make_unique<Families>()) {
  families_->build_info.Add({{"version", std::string(version)}}).Set(1);
}

AgentMetrics::~AgentMetrics() = default;

void AgentMetrics::set_features(std::span<const KernelFeature> features) {
  for (const auto& feature : features) families_->features.set({{"feature", feature.name}}, feature.available ? 1 : 0);
  families_->features.end_round();
}

// All three states of a hook are told, so that an alert on `missing` sees a zero and not a gap.
void AgentMetrics::set_attachments(std::span<const Attachment> attachments) {
  std::map<std::string, std::array<double, 3>> counts;
  for (const auto& attachment : attachments) ++counts[attachment.hook][static_cast<std::size_t>(attachment.state)];
  for (const auto& [hook, states] : counts)
    for (auto state : {Attachment::State::kAttached, Attachment::State::kMissing, Attachment::State::kForeign})
      families_->attachments.set({{"hook", hook}, {"state", std::string(attachment_state_name(state))}},
                                 states[static_cast<std::size_t>(state)]);
  families_->attachments.end_round();
}

void AgentMetrics::set_proofs(std::uint64_t proven, std::uint64_t failed) {
  raise_to(families_->proofs_proven, static_cast<double>(proven));
  raise_to(families_->proofs_failed, static_cast<double>(failed));
}

void AgentMetrics::set_unenforced(std::uint64_t workloads) {
  families_->unenforced.Set(static_cast<double>(workloads));
}

void AgentMetrics::set_quarantined(std::uint64_t workloads) {
  families_->quarantined.Set(static_cast<double>(workloads));
}

void AgentMetrics::set_maps(std::span<const MapUse> maps) {
  for (const auto& map : maps) {
    families_->map_entries.set({{"map", map.name}}, static_cast<double>(map.entries));
    families_->map_max_entries.set({{"map", map.name}}, static_cast<double>(map.max));
  }
  families_->map_entries.end_round();
  families_->map_max_entries.end_round();
}

void AgentMetrics::set_counters(std::span<const std::uint64_t, WEFT_COUNTER_COUNT> counters) {
  auto raise = [&](prometheus::Counter& counter, weft_counter index) {
    raise_to(counter, static_cast<double>(counters[index]));
  };
  raise(families_->events, WEFT_COUNT_EVENTS);
  raise(families_->events_lost, WEFT_COUNT_EVENTS_LOST);
  raise(families_->selections, WEFT_COUNT_LB_SELECTIONS);
  raise(families_->no_endpoint, WEFT_COUNT_LB_NO_ENDPOINT);
  raise(families_->affinity_hits, WEFT_COUNT_LB_AFFINITY_HITS);
  raise(families_->inconsistent, WEFT_COUNT_LB_INCONSISTENT);
  raise(families_->edge_updates_lost, WEFT_COUNT_EDGES_LOST);
}

// Every reason is told, so that a rate of the first drop has a zero to begin with.
void AgentMetrics::set_drops(std::span<const std::uint64_t, WEFT_DROP_COUNT> drops) {
  for (std::size_t i = 0; i < drops.size(); ++i)
    raise_to(families_->drops.Add({{"reason", std::string(kDropNames[i])}}), static_cast<double>(drops[i]));
}

void AgentMetrics::set_helper_errors(std::span<const HelperErrors> errors) {
  for (const auto& error : errors) {
    auto helper = error.helper < std::size(kHelperNames) ? std::string(kHelperNames[error.helper]) : "unknown";
    raise_to(families_->helper_errors.Add({{"helper", helper}, {"errno", errno_name(error.error)}}),
             static_cast<double>(error.count));
  }
}

void AgentMetrics::set_process(const ProcessStats& stats) {
  raise_to(families_->cpu, stats.cpu_s);
  families_->resident.Set(static_cast<double>(stats.resident_bytes));
  families_->virtual_memory.Set(static_cast<double>(stats.virtual_bytes));
  families_->open_fds.Set(static_cast<double>(stats.open_fds));
  families_->max_fds.Set(static_cast<double>(stats.max_fds));
  families_->threads.Set(static_cast<double>(stats.threads));
  families_->start_time.Set(stats.start_time_s);
}

void AgentMetrics::set_discovery_objects(std::string_view source, std::string_view kind, std::uint64_t objects) {
  families_->objects.Add({{"source", std::string(source)}, {"kind", std::string(kind)}})
      .Set(static_cast<double>(objects));
}

void AgentMetrics::set_last_sync(std::string_view source, double unix_s) {
  families_->last_sync.Add({{"source", std::string(source)}}).Set(unix_s);
}

void AgentMetrics::set_apply_lag(std::uint64_t revisions) { families_->apply_lag.Set(static_cast<double>(revisions)); }
void AgentMetrics::observe_propagation(double seconds) { families_->propagation.Observe(seconds); }
void AgentMetrics::add_drift_repaired(std::uint64_t entries) {
  families_->drift_repaired.Increment(static_cast<double>(entries));
}
void AgentMetrics::add_invalid_events(std::uint64_t events) {
  families_->events_invalid.Increment(static_cast<double>(events));
}
void AgentMetrics::count_reload(bool applied) {
  (applied ? families_->reloads_applied : families_->reloads_refused).Increment();
}

std::string AgentMetrics::text() const { return prometheus::TextSerializer().Serialize(families_->registry.Collect()); }

}  // namespace weft
