// The upward half of the agent on a thread of its own: drains the ring, reads the counters, keeps the book of edges.
// What it learns goes to the loop as values; it never touches what the loop owns.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "agent/kernel/facts.hpp"
#include "agent/kernel/ring.hpp"
#include "agent/observe/connection_list.hpp"
#include "agent/observe/edges.hpp"
#include "agent/observe/facts.hpp"
#include "agent/observe/flow_joiner.hpp"
#include "agent/observe/verdicts.hpp"

namespace weft {

// What one round of reading found; about one a second.
struct ObserverReport {
  std::array<std::uint64_t, WEFT_COUNTER_COUNT> counters{};
  std::vector<HelperErrors> helper_errors;
  std::shared_ptr<const VerdictView> verdicts;
  std::array<std::uint64_t, WEFT_DROP_COUNT> drops{};
  std::vector<MapUse> map_use;  // of the maps that programs fill
  std::shared_ptr<const EdgeView> edges;
  std::shared_ptr<const std::vector<EdgeSummary>> edge_list;
  EdgeRates rates;
  std::int64_t wall_offset_ns = 0;   // what flows get their time by until the next report
  std::uint64_t invalid_events = 0;  // records that did not decode, since the last report
  std::string problem;               // why something could not be read; empty
};

class Observer {
 public:
  struct Sinks {
    std::function<void(std::vector<Flow>)> on_flows;  // called on the observer's thread
    std::function<void(ObserverReport)> on_report;    // likewise
  };

  // `make_ring` opens the ring with the handler that it is given. `facts` outlives the observer.
  static Result<std::unique_ptr<Observer>> start(const KernelFacts& facts,
                                                 const std::function<Result<Ring>(Ring::Handler)>& make_ring,
                                                 EdgeBook::Settings settings, CgroupResolver resolve_cgroup,
                                                 Sinks sinks);
  ~Observer();

  // From any thread: names for what is read from now on.
  void set_names(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const NameSource> names);
  void set_max_series(std::size_t max_series) { max_series_ = max_series; }

 private:
  Observer(const KernelFacts& facts, EdgeBook::Settings settings, CgroupResolver resolve_cgroup, Sinks sinks);
  void run(const std::stop_token& stop);
  void take_names();
  void take_record(std::span<const std::byte> record);
  void drain();
  void report(std::uint64_t now_ns);
  void read_edges(std::uint64_t now_ns, ObserverReport& out);
  void read_verdicts(std::uint64_t now_ns, ObserverReport& out);

  const KernelFacts& facts_;
  Sinks sinks_;
  std::unique_ptr<Ring> ring_;
  FlowJoiner joiner_;
  EdgeBook edges_;
  VerdictBook verdicts_;
  ConnectionList connections_;
  std::vector<Flow> batch_;
  std::vector<MapUse> map_use_;
  std::uint64_t invalid_events_ = 0;
  std::uint64_t round_ = 0;
  bool named_ = false;
  std::string problem_;

  std::mutex mailbox_mutex_;
  std::shared_ptr<const Snapshot> mailbox_snapshot_;
  std::shared_ptr<const NameSource> mailbox_names_;
  std::shared_ptr<const NameSource> names_;
  std::atomic<std::size_t> max_series_;
  std::jthread thread_;  // last: stops before what it uses goes
};

}  // namespace weft
