#include "agent/observe/metrics_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "agent/observe/families.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

// Writes rows [row, …) of one section until the buffer is full; returns the first row that is left, or kDone.
constexpr std::size_t kDone = static_cast<std::size_t>(-1);

bool full(const std::string& out) { return out.size() >= MetricsCursor::kChunkBytes; }

void append_number(std::string& out, std::uint64_t number) {
  fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

// Microseconds as seconds, exactly and without an exponent: 250 → 0.00025.
void append_seconds(std::string& out, std::uint64_t us) {
  append_number(out, us / 1'000'000);
  auto rest = us % 1'000'000;
  if (rest == 0) return;
  char digits[8];
  auto end = fmt::format_to(digits, ".{:06}", rest);
  while (end[-1] == '0') --end;
  out.append(digits, end);
}

void append_head(std::string& out, const MetricFamily& family) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name,
                 metric_type_name(family.type));
}

// A family of edges: one or several slots, several told apart by the label `reason`.
struct EdgeFamily {
  FamilyId id;
  std::size_t first_slot;
  std::size_t slots;
  std::string_view (*reason)(std::uint8_t);
};

constexpr std::array kEdgeFamilies{
    EdgeFamily{FamilyId::kConnectionsOpened, kSlotOpened, 1, nullptr},
    EdgeFamily{FamilyId::kConnectionsClosed, kSlotClosed, WEFT_CLOSE_REASON_COUNT, close_reason_name},
    EdgeFamily{FamilyId::kConnectionsFailed, kSlotFailed, WEFT_FAIL_REASON_COUNT, fail_reason_name},
    EdgeFamily{FamilyId::kConnectionsActive, kSlotActive, 1, nullptr},
    EdgeFamily{FamilyId::kSentBytes, kSlotSentBytes, 1, nullptr},
    EdgeFamily{FamilyId::kReceivedBytes, kSlotReceivedBytes, 1, nullptr},
    EdgeFamily{FamilyId::kSentPackets, kSlotSentPackets, 1, nullptr},
    EdgeFamily{FamilyId::kReceivedPackets, kSlotReceivedPackets, 1, nullptr},
    EdgeFamily{FamilyId::kRetransmits, kSlotRetransmits, 1, nullptr},
    EdgeFamily{FamilyId::kInterZoneBytes, kSlotInterZone, 1, nullptr},
};

void append_edge(std::string& out, const EdgeFamily& family, const EdgeSeries& series) {
  const auto& name = metric_family(family.id).name;
  for (std::size_t i = 0; i < family.slots; ++i) {
    auto slot = family.first_slot + i;
    if ((series.shown & (1u << slot)) == 0) continue;
    out.append(name).append(*series.labels);
    if (family.reason) out.append(",reason=\"").append(family.reason(static_cast<std::uint8_t>(i))).append("\"");
    out.append("} ");
    append_number(out, series.values[slot]);
    out += '\n';
  }
}

std::size_t write_edges(std::string& out, const MetricsPage& page, const EdgeFamily& family, std::size_t row) {
  if (!page.edges) return kDone;
  if (row == 0) append_head(out, metric_family(family.id));
  for (; row < page.edges->edges.size(); ++row) {
    if (full(out)) return row;
    append_edge(out, family, page.edges->edges[row]);
  }
  return kDone;
}

using Bounds = std::array<std::uint64_t, WEFT_HISTOGRAM_BUCKETS - 1>;
struct HistogramFamily {
  FamilyId id;
  Bounds bounds_us;
};
constexpr std::array<HistogramFamily, kHistograms> kHistogramFamilies{
    {{FamilyId::kConnectDuration, WEFT_LATENCY_BOUNDS_US},
     {FamilyId::kRtt, WEFT_LATENCY_BOUNDS_US},
     {FamilyId::kConnectionDuration, WEFT_DURATION_BOUNDS_US}}};

void append_histogram(std::string& out, const HistogramFamily& family, const std::string& labels,
                      const HistogramTotals& totals) {
  const auto& name = metric_family(family.id).name;
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < WEFT_HISTOGRAM_BUCKETS; ++i) {
    count += totals.bucket[i];
    out.append(name).append("_bucket").append(labels).append(",le=\"");
    if (i < family.bounds_us.size())
      append_seconds(out, family.bounds_us[i]);
    else
      out.append("+Inf");
    out.append("\"} ");
    append_number(out, count);
    out += '\n';
  }
  out.append(name).append("_sum").append(labels).append("} ");
  append_seconds(out, totals.sum_us);
  out.append("\n").append(name).append("_count").append(labels).append("} ");
  append_number(out, count);
  out += '\n';
}

std::size_t write_histograms(std::string& out, const MetricsPage& page, std::size_t which, std::size_t row) {
  if (!page.edges) return kDone;
  const auto& family = kHistogramFamilies[which];
  if (row == 0) append_head(out, metric_family(family.id));
  for (; row < page.edges->pairs.size(); ++row) {
    if (full(out)) return row;
    const auto& pair = page.edges->pairs[row];
    if (pair.shown & (1u << which)) append_histogram(out, family, *pair.labels, pair.histograms[which]);
  }
  return kDone;
}

void append_balancing(std::string& out, const BalancingRow& row, std::string_view service) {
  auto line = [&](std::string_view state, std::uint32_t count) {
    out.append(metric_family(FamilyId::kLbEndpoints).name).append("{service=\"").append(service);
    out.append("\",state=\"").append(state).append("\"} ");
    append_number(out, count);
    out += '\n';
  };
  line("ready", row.ready);
  if (row.not_ready != 0) line("not_ready", row.not_ready);
  if (row.terminating != 0) line("terminating", row.terminating);
}

BalancingRow sum_from(const std::vector<BalancingRow>& rows, std::size_t first) {
  BalancingRow sum;
  for (auto i = first; i < rows.size(); ++i) {
    sum.ready += rows[i].ready;
    sum.not_ready += rows[i].not_ready;
    sum.terminating += rows[i].terminating;
  }
  return sum;
}

std::size_t write_balancing(std::string& out, const MetricsPage& page, std::size_t row) {
  if (!page.balancing) return kDone;
  if (row == 0) append_head(out, metric_family(FamilyId::kLbEndpoints));
  const auto& rows = *page.balancing;
  for (; row < std::min(rows.size(), page.max_balancing_rows); ++row) {
    if (full(out)) return row;
    append_balancing(out, rows[row], escape_label(rows[row].service));
  }
  if (row < rows.size()) append_balancing(out, sum_from(rows, row), kOther);
  return kDone;
}

std::size_t write_series_count(std::string& out, const MetricsPage& page) {
  if (!page.edges) return kDone;
  const auto& family = metric_family(FamilyId::kFlowSeries);
  append_head(out, family);
  fmt::format_to(std::back_inserter(out), "{0}{{state=\"active\"}} {1}\n{0}{{state=\"folded\"}} {2}\n", family.name,
                 page.edges->active_series, page.edges->folded_series);
  return kDone;
}

// Sections in their order on the page.
constexpr std::size_t kAgentSection = 0;
constexpr std::size_t kBalancingSection = 1;
constexpr std::size_t kSeriesSection = 2;
constexpr std::size_t kFirstEdgeSection = 3;
constexpr std::size_t kFirstHistogramSection = kFirstEdgeSection + kEdgeFamilies.size();
constexpr std::size_t kSections = kFirstHistogramSection + kHistograms;

std::size_t write_section(std::string& out, const MetricsPage& page, std::size_t section, std::size_t row) {
  if (section == kAgentSection) {
    if (page.agent) out += page.agent->text();
    return kDone;
  }
  if (section == kBalancingSection) return write_balancing(out, page, row);
  if (section == kSeriesSection) return write_series_count(out, page);
  if (section < kFirstHistogramSection) return write_edges(out, page, kEdgeFamilies[section - kFirstEdgeSection], row);
  return write_histograms(out, page, section - kFirstHistogramSection, row);
}

}  // namespace

MetricsCursor::MetricsCursor(std::shared_ptr<const MetricsPage> page) : page_(std::move(page)) {}

bool MetricsCursor::next(std::string& out) {
  auto before = out.size();
  while (section_ < kSections && !full(out)) {
    auto left = write_section(out, *page_, section_, row_);
    row_ = left == kDone ? 0 : left;
    if (left == kDone) ++section_;
  }
  return out.size() > before;
}

std::string render_metrics(std::shared_ptr<const MetricsPage> page) {
  MetricsCursor cursor(std::move(page));
  std::string text, chunk;
  while (cursor.next(chunk)) {
    text += chunk;
    chunk.clear();
  }
  return text;
}

}  // namespace weft
