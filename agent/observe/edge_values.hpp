// The numbers of an edge as an array of counters, so that sums, differences and pages are loops and not lists of
// fields.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "weft/abi/flow.h"

namespace weft {

// Indexes of the counters, in the order of struct weft_edge.
inline constexpr std::size_t kSlotOpened = 0;
inline constexpr std::size_t kSlotClosed = offsetof(weft_edge, closed) / sizeof(__u64);  // + enum weft_close_reason
inline constexpr std::size_t kSlotFailed = offsetof(weft_edge, failed) / sizeof(__u64);  // + enum weft_fail_reason
inline constexpr std::size_t kSlotSentBytes = offsetof(weft_edge, sent_bytes) / sizeof(__u64);
inline constexpr std::size_t kSlotReceivedBytes = offsetof(weft_edge, received_bytes) / sizeof(__u64);
inline constexpr std::size_t kSlotSentPackets = offsetof(weft_edge, sent_packets) / sizeof(__u64);
inline constexpr std::size_t kSlotReceivedPackets = offsetof(weft_edge, received_packets) / sizeof(__u64);
inline constexpr std::size_t kSlotRetransmits = offsetof(weft_edge, retransmits) / sizeof(__u64);
inline constexpr std::size_t kSlotInterZone = offsetof(weft_edge, inter_zone_bytes) / sizeof(__u64);
inline constexpr std::size_t kEdgeCounters = offsetof(weft_edge, last_ns) / sizeof(__u64);
inline constexpr std::size_t kSlotActive = kEdgeCounters;  // derived: opened - closed
inline constexpr std::size_t kEdgeSlots = kEdgeCounters + 1;
static_assert(kEdgeSlots <= 32, "the set of shown slots is a 32-bit mask");

using EdgeCounters = std::array<std::uint64_t, kEdgeCounters>;
EdgeCounters edge_counters(const weft_edge& edge);

inline constexpr std::size_t kHistograms = 3;  // connect, rtt, duration: the order of struct weft_edge

// As weft_histogram, wide enough for the life of an agent.
struct HistogramTotals {
  std::uint64_t sum_us = 0;
  std::array<std::uint64_t, WEFT_HISTOGRAM_BUCKETS> bucket{};  // not cumulative

  std::uint64_t count() const;
  // Adds what `now` has more than `before`; kernel buckets are 32 bits wide and may wrap once in between.
  void add_difference(const weft_histogram& now, const weft_histogram& before);
};

// One edge from its per-CPU values; buckets wrap at 32 bits as they do in the kernel.
weft_edge sum_cpus(std::span<const weft_edge> per_cpu);

}  // namespace weft
