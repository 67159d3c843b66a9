// The agent's own metrics: few series, in a prometheus-cpp registry. Setters take absolute values; what is not said any
// more disappears. A scrape may read from another thread.
#pragma once

#include <array>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "agent/observe/facts.hpp"
#include "weft/abi/flow.h"
#include "weft/abi/pod.h"

namespace weft {

class AgentMetrics {
 public:
  explicit AgentMetrics(std::string_view version);
  ~AgentMetrics();

  void set_features(std::span<const KernelFeature> features);
  void set_attachments(std::span<const Attachment> attachments);
  void set_unenforced(std::uint64_t workloads);
  void set_proofs(std::uint64_t proven, std::uint64_t failed);  // totals
  void set_quarantined(std::uint64_t workloads);
  void set_maps(std::span<const MapUse> maps);
  // Sums over the CPUs, indexed by enum weft_counter.
  void set_counters(std::span<const std::uint64_t, WEFT_COUNTER_COUNT> counters);
  // Likewise, indexed by enum weft_drop.
  void set_drops(std::span<const std::uint64_t, WEFT_DROP_COUNT> drops);
  void set_helper_errors(std::span<const HelperErrors> errors);
  void set_process(const ProcessStats& stats);

  void set_discovery_objects(std::string_view source, std::string_view kind, std::uint64_t objects);
  void set_last_sync(std::string_view source, double unix_s);
  void set_apply_lag(std::uint64_t revisions);
  void observe_propagation(double seconds);
  void add_drift_repaired(std::uint64_t entries);
  void add_invalid_events(std::uint64_t events);
  void count_reload(bool applied);

  // Families in text format, each with HELP and TYPE.
  std::string text() const;

 private:
  struct Families;
  std::unique_ptr<Families> families_;
};

}  // namespace weft
