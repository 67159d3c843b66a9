// The book of edges: who talks to whom. Fed with the kernel's totals every second or so, it keeps names as they were
// when an edge was first seen, rates of the last seconds, and decides which edges get time series of their own. What is
// over the budget is added to `_other` difference by difference, so that every sum stays right and never falls.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/observe/edge_labels.hpp"
#include "agent/observe/edge_values.hpp"
#include "agent/observe/names.hpp"

namespace weft {

struct EdgeSample {
  weft_edge_key key{};
  weft_edge value{};  // of all CPUs, see sum_cpus
};

struct EdgeRates {
  double opened_per_s = 0;
  double failed_per_s = 0;
  double sent_bytes_per_s = 0;
  double received_bytes_per_s = 0;
};

// One edge as the API lists it, whether it has series of its own or not.
struct EdgeSummary {
  EdgeNames names;
  EdgeCounters totals{};
  std::uint64_t active = 0;
  std::uint64_t rtt_sum_us = 0;
  std::uint64_t rtt_count = 0;
  std::uint64_t connect_sum_us = 0;
  std::uint64_t connect_count = 0;
  std::uint64_t last_ns = 0;  // CLOCK_MONOTONIC
  EdgeRates rates;
};

struct EdgeSeries {
  std::string_view labels;  // see edge_labels.hpp
  std::uint32_t shown = 0;  // bit per slot
  std::array<std::uint64_t, kEdgeSlots> values{};
};

struct PairSeries {
  std::string_view labels;
  std::uint32_t shown = 0;  // bit per histogram
  std::array<HistogramTotals, kHistograms> histograms;
};

// What a scrape reads; immutable and independent of the book. Labels lie side by side, in the order of the series, so
// that writing the families one after the other reads memory in order.
struct EdgeView {
  EdgeView() = default;
  EdgeView(const EdgeView&) = delete;
  EdgeView& operator=(const EdgeView&) = delete;

  std::string label_storage;
  std::vector<EdgeSeries> edges;
  std::vector<PairSeries> pairs;
  std::uint64_t active_series = 0;
  std::uint64_t folded_series = 0;
};

class EdgeBook {
 public:
  static constexpr std::uint64_t kIdleNs = 15ULL * 60 * 1'000'000'000;        // an idle edge leaves
  static constexpr std::uint64_t kIdleOpenNs = 24ULL * 3600 * 1'000'000'000;  // …also with connections still open
  static constexpr std::uint64_t kGoneNs =
      270ULL * 1'000'000'000;  // after its workload: gone within 5 min, scrape included
  // An edge whose names are not known yet is taken up later: at the start of an agent, edges come before names.
  static constexpr std::uint64_t kNameGraceNs = 10ULL * 1'000'000'000;
  static constexpr std::uint64_t kRateStepNs = 5ULL * 1'000'000'000;  // rates look back one to two steps

  struct Settings {
    std::size_t max_series = 10000;  // of all edge families together, `_other` included
    bool histograms = true;
  };

  explicit EdgeBook(Settings settings);

  // A smaller budget takes no series away from edges that have them; they shrink to it as edges leave.
  void set_max_series(std::size_t max_series) { settings_.max_series = max_series; }

  // `samples` are totals; the same key may come twice. An edge that is missing keeps its last value.
  void update(std::span<const EdgeSample> samples, const NameSource& names, std::uint64_t now_ns);

  // Keys whose rows should be deleted from the kernel map: idle, or their workload is gone. Delete, then forget.
  std::vector<weft_edge_key> expired(std::uint64_t now_ns) const;
  void forget(std::span<const weft_edge_key> deleted);

  std::shared_ptr<const EdgeView> view() const;
  std::vector<EdgeSummary> list() const;  // in the order in which edges were first seen
  EdgeRates rates() const;                // of all edges together
  std::size_t size() const { return rows_.size(); }

 private:
  struct RatePoint {
    std::uint64_t opened = 0, failed = 0, sent = 0, received = 0;
  };
  struct Pair {
    std::string labels;
    std::array<HistogramTotals, kHistograms> histograms;
    std::uint32_t shown = 0;
    std::uint32_t folded = 0;
    std::size_t rows = 0;
  };
  // All kernel keys with the same labels: names that are not known any more coincide.
  struct Row {
    std::uint64_t order = 0;  // of first sight
    EdgeNames names;
    std::string labels;
    Pair* pair = nullptr;
    EdgeCounters totals{};
    EdgeCounters values{};     // of its series: totals since they are shown
    std::uint32_t shown = 0;   // 0: the edge is folded
    std::uint32_t folded = 0;  // slots that go to `_other`
    std::uint64_t rtt_sum_us = 0, rtt_count = 0, connect_sum_us = 0, connect_count = 0;
    std::uint64_t last_ns = 0;
    std::array<RatePoint, 2> points{};
    std::size_t keys = 0;
  };
  struct Entry {
    weft_edge last{};
    Row* row = nullptr;
    std::uint64_t gone_since_ns = 0;  // 0: both workloads live
  };
  struct KeyHash {
    std::size_t operator()(const weft_edge_key& key) const noexcept;
  };
  struct KeyEqual {
    bool operator()(const weft_edge_key& one, const weft_edge_key& other) const noexcept;
  };

  using Waiting = std::unordered_map<weft_edge_key, std::uint64_t, KeyHash, KeyEqual>;  // since when, ns

  bool must_wait(const weft_edge_key& key, const NameSource& names, std::uint64_t now_ns, Waiting& waiting) const;
  void add(const weft_edge_key& key, const weft_edge& value, const NameSource& names);
  void apply(Entry& entry, const weft_edge& now);
  void credit(Row& row, std::size_t slot, std::uint64_t amount);
  void credit_histogram(Row& row, std::size_t which, const weft_histogram& now, const weft_histogram& before);
  void show(Row& row, std::uint32_t slots);
  void fold(Row& row, std::uint32_t slots);
  void unfold();
  bool unfold_row(Row& row);
  void note_gone(const NameSource& names, std::uint64_t now_ns);
  void note_rates(std::uint64_t now_ns);
  static RatePoint rate_point(const Row& row);
  Row& row_of(const weft_edge_key& key, const NameSource& names);
  Pair& pair_of(const EdgeNames& names);
  void remove_row(Row& row);
  bool room(std::size_t series) const;
  EdgeRates rates_of(const Row& row) const;
  EdgeSeries series_of(const Row& row) const;
  EdgeSeries other_series() const;
  PairSeries other_pair() const;

  Settings settings_;
  NameCache cache_;
  std::unordered_map<weft_edge_key, Entry, KeyHash, KeyEqual> entries_;
  Waiting waiting_;                                                  // for their names
  std::unordered_map<std::string_view, std::unique_ptr<Row>> rows_;  // by labels, which the row owns
  std::unordered_map<std::string_view, std::unique_ptr<Pair>> pairs_;
  std::map<std::uint64_t, Row*> by_order_;
  std::map<std::uint64_t, Row*> folded_;  // rows that wait for room, oldest first
  Row overflow_;                          // the kernel's own row for what had none
  EdgeCounters other_{};
  std::array<HistogramTotals, kHistograms> other_histograms_{};
  std::size_t shown_series_ = 0;
  std::size_t folded_series_ = 0;
  std::uint64_t next_order_ = 1;
  std::array<std::uint64_t, 2> point_ns_{};
  std::uint64_t updated_ns_ = 0;  // 0: never
  std::string other_labels_;
  std::string other_pair_labels_;
};

}  // namespace weft
