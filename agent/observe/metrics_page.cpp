#include "agent/observe/metrics_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>

#include "agent/observe/families.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

// Writes rows [row, …) of one section until the buffer is full; returns the first row that is left, or kDone.
constexpr std::size_t kDone = static_cast<std::size_t>(-1);

bool full(const std::string& out) { return out.size() >= MetricsCursor::kChunkBytes; }

// Writes into room that was made before: a page has hundreds of thousands of pieces, and a check for each would cost
// more than the copy.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  char* at() const { return at_; }
  Writer& text(std::string_view piece) {
    std::memcpy(at_, piece.data(), piece.size());
    at_ += piece.size();
    return *this;
  }
  Writer& number(std::uint64_t number) {
    fmt::format_int digits(number);
    return text({digits.data(), digits.size()});
  }
  // Microseconds as seconds, exactly and without an exponent: 250 → 0.00025.
  Writer& seconds(std::uint64_t us) {
    number(us / 1'000'000);
    auto rest = us % 1'000'000;
    if (rest == 0) return *this;
    at_ = fmt::format_to(at_, ".{:06}", rest);
    while (at_[-1] == '0') --at_;
    return *this;
  }

 private:
  char* at_;
};

constexpr std::size_t kLineRoom = 160;  // what a line holds besides its labels: name, own label, number

// Appends what `write` writes, at most `most` bytes.
template <class Write>
void append_lines(std::string& out, std::size_t most, Write&& write) {
  auto before = out.size();
  out.resize_and_overwrite(before + most, [&](char* data, std::size_t) {
    Writer writer(data + before);
    write(writer);
    return static_cast<std::size_t>(writer.at() - data);
  });
}

void append_head(std::string& out, const MetricFamily& family) {
  fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", family.name, family.help, family.name,
                 metric_type_name(family.type));
}

static_assert(std::all_of(kMetricFamilies.begin(), kMetricFamilies.end(),
                          [](const MetricFamily& family) { return family.name.size() <= 64; }),
              "kLineRoom counts on 64 bytes of name");

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
  auto name = metric_family(family.id).name;
  append_lines(out, family.slots * (series.labels.size() + kLineRoom), [&](Writer& line) {
    for (std::size_t i = 0; i < family.slots; ++i) {
      auto slot = family.first_slot + i;
      if ((series.shown & (1u << slot)) == 0) continue;
      line.text(name).text(series.labels);
      if (family.reason) line.text(",reason=\"").text(family.reason(static_cast<std::uint8_t>(i))).text("\"");
      line.text("} ").number(series.values[slot]).text("\n");
    }
  });
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

using BucketLabels = std::array<std::string, WEFT_HISTOGRAM_BUCKETS>;

// ,le="0.00005"} and so on, for each family once.
BucketLabels make_bucket_labels(const Bounds& bounds_us) {
  BucketLabels labels;
  for (std::size_t i = 0; i < labels.size(); ++i)
    append_lines(labels[i], kLineRoom, [&](Writer& line) {
      line.text(",le=\"");
      i < bounds_us.size() ? line.seconds(bounds_us[i]) : line.text("+Inf");
      line.text("\"} ");
    });
  return labels;
}

const BucketLabels& bucket_labels(std::size_t which) {
  static const std::array<BucketLabels, kHistograms> labels{make_bucket_labels(kHistogramFamilies[0].bounds_us),
                                                            make_bucket_labels(kHistogramFamilies[1].bounds_us),
                                                            make_bucket_labels(kHistogramFamilies[2].bounds_us)};
  return labels[which];
}

void append_histogram(std::string& out, std::size_t which, std::string_view labels, const HistogramTotals& totals) {
  auto name = metric_family(kHistogramFamilies[which].id).name;
  const auto& buckets = bucket_labels(which);
  append_lines(out, (WEFT_HISTOGRAM_BUCKETS + 2) * (labels.size() + kLineRoom), [&](Writer& line) {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < WEFT_HISTOGRAM_BUCKETS; ++i) {
      count += totals.bucket[i];
      line.text(name).text("_bucket").text(labels).text(buckets[i]).number(count).text("\n");
    }
    line.text(name).text("_sum").text(labels).text("} ").seconds(totals.sum_us).text("\n");
    line.text(name).text("_count").text(labels).text("} ").number(count).text("\n");
  });
}

std::size_t write_histograms(std::string& out, const MetricsPage& page, std::size_t which, std::size_t row) {
  if (!page.edges) return kDone;
  if (row == 0) append_head(out, metric_family(kHistogramFamilies[which].id));
  for (; row < page.edges->pairs.size(); ++row) {
    if (full(out)) return row;
    const auto& pair = page.edges->pairs[row];
    if (pair.shown & (1u << which)) append_histogram(out, which, pair.labels, pair.histograms[which]);
  }
  return kDone;
}

void append_balancing(std::string& out, const BalancingRow& row, std::string_view service) {
  append_lines(out, 3 * (service.size() + kLineRoom), [&](Writer& writer) {
    auto line = [&](std::string_view state, std::uint32_t count) {
      writer.text(metric_family(FamilyId::kLbEndpoints).name).text("{service=\"").text(service);
      writer.text("\",state=\"").text(state).text("\"} ").number(count).text("\n");
    };
    line("ready", row.ready);
    if (row.not_ready != 0) line("not_ready", row.not_ready);
    if (row.terminating != 0) line("terminating", row.terminating);
  });
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
    append_balancing(out, rows[row], rows[row].service);
  }
  if (row < rows.size()) append_balancing(out, sum_from(rows, row), kOther);
  return kDone;
}

std::size_t write_verdicts(std::string& out, const MetricsPage& page, std::size_t row) {
  if (!page.verdicts) return kDone;
  const auto& family = metric_family(FamilyId::kPolicyVerdicts);
  if (row == 0) append_head(out, family);
  for (; row < page.verdicts->size(); ++row) {
    if (full(out)) return row;
    const auto& series = (*page.verdicts)[row];
    append_lines(out, series.labels.size() + kLineRoom, [&](Writer& line) {
      line.text(family.name).text(series.labels).text("} ").number(series.value).text("\n");
    });
  }
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
constexpr std::size_t kVerdictSection = 2;
constexpr std::size_t kSeriesSection = 3;
constexpr std::size_t kFirstEdgeSection = 4;
constexpr std::size_t kFirstHistogramSection = kFirstEdgeSection + kEdgeFamilies.size();
constexpr std::size_t kSections = kFirstHistogramSection + kHistograms;

std::size_t write_section(std::string& out, const MetricsPage& page, std::size_t section, std::size_t row) {
  if (section == kAgentSection) {
    if (page.agent) out += page.agent->text();
    return kDone;
  }
  if (section == kBalancingSection) return write_balancing(out, page, row);
  if (section == kVerdictSection) return write_verdicts(out, page, row);
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
