#include "agent/observe/edge_values.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace weft {
namespace {

void add_histogram(weft_histogram& sum, const weft_histogram& part) {
  sum.sum_us += part.sum_us;
  for (std::size_t i = 0; i < WEFT_HISTOGRAM_BUCKETS; ++i) sum.bucket[i] += part.bucket[i];
}

}  // namespace

EdgeCounters edge_counters(const weft_edge& edge) {
  EdgeCounters counters;
  std::memcpy(counters.data(), &edge, sizeof counters);
  return counters;
}

std::uint64_t HistogramTotals::count() const { return std::accumulate(bucket.begin(), bucket.end(), std::uint64_t{0}); }

void HistogramTotals::add_difference(const weft_histogram& now, const weft_histogram& before) {
  sum_us += now.sum_us - before.sum_us;
  for (std::size_t i = 0; i < bucket.size(); ++i)
    bucket[i] += static_cast<std::uint32_t>(now.bucket[i] - before.bucket[i]);
}

weft_edge sum_cpus(std::span<const weft_edge> per_cpu) {
  weft_edge sum{};
  EdgeCounters counters{};
  for (const auto& part : per_cpu) {
    const auto* words = reinterpret_cast<const __u64*>(&part);
    for (std::size_t i = 0; i < kEdgeCounters; ++i) counters[i] += words[i];
    sum.last_ns = std::max(sum.last_ns, part.last_ns);
    add_histogram(sum.connect, part.connect);
    add_histogram(sum.rtt, part.rtt);
    add_histogram(sum.duration, part.duration);
  }
  std::memcpy(&sum, counters.data(), sizeof counters);
  return sum;
}

}  // namespace weft
