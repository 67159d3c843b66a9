// The metrics page in Prometheus' text format. A page is a handful of immutable values; a cursor writes it piece by
// piece into one small buffer, so that a page of any size costs no more memory than that and stalls nobody.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/observe/agent_metrics.hpp"
#include "agent/observe/edges.hpp"
#include "agent/observe/verdicts.hpp"

namespace weft {

struct BalancingRow {
  std::string service;  // "shop/web", by escape_label: a page has thousands of rows and is made again and again
  std::uint32_t ready = 0;
  std::uint32_t not_ready = 0;
  std::uint32_t terminating = 0;
};

struct MetricsPage {
  std::shared_ptr<const AgentMetrics> agent;
  std::shared_ptr<const std::vector<BalancingRow>> balancing;  // one row per service; may be null
  std::shared_ptr<const EdgeView> edges;                       // may be null
  std::shared_ptr<const VerdictView> verdicts;                 // may be null
  std::size_t max_balancing_rows = 10000;                      // services beyond it share the row _other
};

class MetricsCursor {
 public:
  static constexpr std::size_t kChunkBytes = 64 * 1024;  // stays in the CPU's cache

  explicit MetricsCursor(std::shared_ptr<const MetricsPage> page);
  // Appends whole lines, at most about kChunkBytes; false when the page is complete and nothing was appended.
  bool next(std::string& out);

 private:
  std::shared_ptr<const MetricsPage> page_;
  std::size_t section_ = 0;
  std::size_t row_ = 0;  // within the section
};

// The whole page, for tests and bug reports.
std::string render_metrics(std::shared_ptr<const MetricsPage> page);

}  // namespace weft
