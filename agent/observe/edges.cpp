#include "agent/observe/edges.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <tuple>

namespace weft {
namespace {

constexpr std::uint32_t slot_bit(std::size_t slot) { return 1u << slot; }

constexpr std::uint32_t kCommonSlots = slot_bit(kSlotOpened) | slot_bit(kSlotActive) | slot_bit(kSlotSentBytes) |
                                       slot_bit(kSlotReceivedBytes) | slot_bit(kSlotSentPackets) |
                                       slot_bit(kSlotReceivedPackets);
constexpr std::uint32_t kStreamSlots = kCommonSlots | slot_bit(kSlotClosed + WEFT_CLOSE_FIN) |
                                       slot_bit(kSlotClosed + WEFT_CLOSE_RESET) |
                                       slot_bit(kSlotClosed + WEFT_CLOSE_TIMEOUT);
constexpr std::uint32_t kDatagramSlots = kCommonSlots | slot_bit(kSlotClosed + WEFT_CLOSE_IDLE);
constexpr std::size_t kSeriesOfHistogram = WEFT_HISTOGRAM_BUCKETS + 2;  // buckets, sum, count

// What `_other` may ever show: taken off the budget from the start, so that folding needs no room.
constexpr std::size_t kSeriesOfOther = kEdgeSlots + kHistograms * kSeriesOfHistogram;

// Shown from the start, also when zero, so that the first change is a visible increase; the others appear when needed.
std::uint32_t first_slots(std::uint8_t protocol) { return protocol == IPPROTO_UDP ? kDatagramSlots : kStreamSlots; }

std::size_t count_bits(std::uint32_t mask) { return static_cast<std::size_t>(std::popcount(mask)); }

std::uint64_t closed_of(const EdgeCounters& counters) {
  return std::accumulate(&counters[kSlotClosed], &counters[kSlotClosed] + WEFT_CLOSE_REASON_COUNT, std::uint64_t{0});
}

std::uint64_t failed_of(const EdgeCounters& counters) {
  return std::accumulate(&counters[kSlotFailed], &counters[kSlotFailed] + WEFT_FAIL_REASON_COUNT, std::uint64_t{0});
}

// A row that began while connections were open sees them close without having seen them open.
std::uint64_t active_of(const EdgeCounters& counters) {
  auto closed = closed_of(counters);
  return counters[kSlotOpened] > closed ? counters[kSlotOpened] - closed : 0;
}

bool started_over(const EdgeCounters& now, const EdgeCounters& before) {
  for (std::size_t i = 0; i < kEdgeCounters; ++i)
    if (now[i] < before[i]) return true;
  return false;
}

bool is_overflow(const weft_edge_key& key) {
  return key.source == WEFT_EDGE_OVERFLOW || key.destination == WEFT_EDGE_OVERFLOW;
}

bool is_workload(std::uint32_t id) { return id >= WEFT_IDENTITY_FIRST && id < 0x80000000u; }

// Ids are handed out in ascending order: older workloads come first.
bool older(const weft_edge_key& one, const weft_edge_key& other) {
  auto order = [](const weft_edge_key& key) {
    return std::tuple(key.source, key.destination, key.service, ntohs(key.port), key.protocol, key.reporter);
  };
  return order(one) < order(other);
}

// Makes the view independent of the book's strings.
void store_labels(EdgeView& view) {
  std::size_t bytes = 0;
  auto for_each = [&](auto&& visit) {
    for (auto& series : view.edges) visit(series.labels);
    for (auto& series : view.pairs) visit(series.labels);
  };
  for_each([&](std::string_view& labels) { bytes += labels.size(); });
  view.label_storage.reserve(bytes);
  for_each([&](std::string_view& labels) {
    auto at = view.label_storage.size();
    view.label_storage += labels;
    labels = std::string_view(view.label_storage).substr(at);
  });
}

double per_second(std::uint64_t now, std::uint64_t before, double seconds) {
  return now > before ? static_cast<double>(now - before) / seconds : 0;
}

}  // namespace

std::size_t EdgeBook::KeyHash::operator()(const weft_edge_key& key) const noexcept {
  std::uint64_t words[2];
  std::memcpy(words, &key, sizeof words);
  std::uint64_t mixed = (words[0] ^ (words[1] * 0x9E3779B97F4A7C15ULL)) * 0xBF58476D1CE4E5B9ULL;
  return mixed ^ (mixed >> 29);
}

bool EdgeBook::KeyEqual::operator()(const weft_edge_key& one, const weft_edge_key& other) const noexcept {
  return std::memcmp(&one, &other, sizeof one) == 0;
}

EdgeBook::EdgeBook(Settings settings)
    : settings_(settings), other_labels_(other_edge_labels()), other_pair_labels_(other_pair_labels()) {}

void EdgeBook::update(std::span<const EdgeSample> samples, const NameSource& names, std::uint64_t now_ns) {
  std::vector<const EdgeSample*> unseen;
  for (const auto& sample : samples) {
    if (auto it = entries_.find(sample.key); it != entries_.end())
      apply(it->second, sample.value);
    else
      unseen.push_back(&sample);
  }
  std::stable_sort(unseen.begin(), unseen.end(), [](auto* one, auto* other) { return older(one->key, other->key); });
  Waiting waiting;
  for (const auto* sample : unseen)
    if (!must_wait(sample->key, names, now_ns, waiting)) add(sample->key, sample->value, names);
  waiting_ = std::move(waiting);
  note_gone(names, now_ns);
  unfold();
  note_rates(now_ns);
  updated_ns_ = now_ns;
}

bool EdgeBook::must_wait(const weft_edge_key& key, const NameSource& names, std::uint64_t now_ns,
                         Waiting& waiting) const {
  auto known = [&](std::uint32_t id) { return !is_workload(id) || names.find_workload(id) != nullptr; };
  bool service_known = key.service == 0 || names.find_service(key.service) != nullptr;
  if (known(key.source) && known(key.destination) && service_known) return false;
  auto before = waiting_.find(key);
  auto since_ns = before == waiting_.end() ? now_ns : before->second;
  if (now_ns - since_ns >= kNameGraceNs) return false;
  waiting.emplace(key, since_ns);
  return true;
}

void EdgeBook::add(const weft_edge_key& key, const weft_edge& value, const NameSource& names) {
  auto [it, added] = entries_.try_emplace(key);
  if (added) {
    it->second.row = is_overflow(key) ? &overflow_ : &row_of(key, names);
    ++it->second.row->keys;
  }
  apply(it->second, value);
  if (waiting_.contains(key)) it->second.row->points.fill(rate_point(*it->second.row));  // what it counted is past
}

EdgeBook::Row& EdgeBook::row_of(const weft_edge_key& key, const NameSource& names) {
  auto row = std::make_unique<Row>();
  row->names = {cache_.workload(key.source, names),
                cache_.workload(key.destination, names),
                cache_.service(key.service, names),
                ntohs(key.port),
                key.protocol,
                key.reporter};
  row->labels = edge_labels(row->names);
  if (auto it = rows_.find(row->labels); it != rows_.end()) return *it->second;
  row->order = next_order_++;
  row->pair = &pair_of(row->names);
  auto slots = first_slots(key.protocol);
  if (room(count_bits(slots)))
    show(*row, slots);
  else
    fold(*row, slots);
  Row& placed = *row;
  by_order_[placed.order] = &placed;
  rows_.emplace(placed.labels, std::move(row));
  return placed;
}

EdgeBook::Pair& EdgeBook::pair_of(const EdgeNames& names) {
  auto pair = std::make_unique<Pair>();
  pair->labels = pair_labels(names);
  auto it = pairs_.find(pair->labels);
  if (it == pairs_.end()) {
    std::string_view key = pair->labels;
    it = pairs_.emplace(key, std::move(pair)).first;
  }
  ++it->second->rows;
  return *it->second;
}

void EdgeBook::apply(Entry& entry, const weft_edge& now) {
  if (std::memcmp(&entry.last, &now, sizeof now) == 0) return;  // most edges are idle most of the time
  auto counters = edge_counters(now);
  auto before = edge_counters(entry.last);
  if (started_over(counters, before)) {
    entry.last = weft_edge{};
    before = EdgeCounters{};
  }
  Row& row = *entry.row;
  for (std::size_t slot = 0; slot < kEdgeCounters; ++slot)
    if (counters[slot] != before[slot]) credit(row, slot, counters[slot] - before[slot]);
  credit_histogram(row, 0, now.connect, entry.last.connect);
  credit_histogram(row, 1, now.rtt, entry.last.rtt);
  credit_histogram(row, 2, now.duration, entry.last.duration);
  row.last_ns = std::max<std::uint64_t>(row.last_ns, now.last_ns);
  entry.last = now;
}

// To the slot's own series if it has one or there is room for it, else to `_other` for as long as there is none.
void EdgeBook::credit(Row& row, std::size_t slot, std::uint64_t amount) {
  row.totals[slot] += amount;
  auto bit = slot_bit(slot);
  bool undecided = row.shown != 0 && ((row.shown | row.folded) & bit) == 0;
  if (undecided && room(1)) show(row, bit);
  if (row.shown & bit) {
    row.values[slot] += amount;
    return;
  }
  other_[slot] += amount;
  if (&row != &overflow_) fold(row, bit);
}

void EdgeBook::credit_histogram(Row& row, std::size_t which, const weft_histogram& now, const weft_histogram& before) {
  if (std::memcmp(&now, &before, sizeof now) == 0) return;
  HistogramTotals grown;
  grown.add_difference(now, before);
  if (which == 0) row.connect_sum_us += grown.sum_us, row.connect_count += grown.count();
  if (which == 1) row.rtt_sum_us += grown.sum_us, row.rtt_count += grown.count();
  if (!settings_.histograms) return;
  HistogramTotals* target = &other_histograms_[which];
  if (row.shown != 0) {
    Pair& pair = *row.pair;
    auto bit = slot_bit(which);
    if (((pair.shown | pair.folded) & bit) == 0) {
      bool fits = room(kSeriesOfHistogram);
      (fits ? pair.shown : pair.folded) |= bit;
      (fits ? shown_series_ : folded_series_) += kSeriesOfHistogram;
    }
    if (pair.shown & bit) target = &pair.histograms[which];
    if (pair.folded & bit) folded_[row.order] = &row;
  }
  target->add_difference(now, before);
}

void EdgeBook::show(Row& row, std::uint32_t slots) {
  shown_series_ += count_bits(slots & ~row.shown);
  row.shown |= slots;
}

void EdgeBook::fold(Row& row, std::uint32_t slots) {
  folded_series_ += count_bits(slots & ~row.folded);
  row.folded |= slots;
  folded_[row.order] = &row;
}

// Room that others left goes to those who wait longest. Their series begin at zero: the past stays in `_other`.
void EdgeBook::unfold() {
  while (!folded_.empty() && unfold_row(*folded_.begin()->second)) folded_.erase(folded_.begin());
}

bool EdgeBook::unfold_row(Row& row) {
  auto slots = row.folded;
  auto histograms = row.shown != 0 ? row.pair->folded : 0u;
  auto needed = count_bits(slots) + count_bits(histograms) * kSeriesOfHistogram;
  if (!room(needed)) return false;
  folded_series_ -= needed;
  shown_series_ += count_bits(histograms) * kSeriesOfHistogram;
  row.pair->shown |= histograms;
  row.pair->folded &= ~histograms;
  row.folded = 0;
  show(row, slots);
  return true;
}

bool EdgeBook::room(std::size_t series) const {
  return shown_series_ + series + kSeriesOfOther <= settings_.max_series;
}

void EdgeBook::note_gone(const NameSource& names, std::uint64_t now_ns) {
  auto lives = [&](std::uint32_t id) { return !is_workload(id) || names.workload_lives(id); };
  for (auto& [key, entry] : entries_) {
    bool live = is_overflow(key) || (lives(key.source) && lives(key.destination));
    if (live)
      entry.gone_since_ns = 0;
    else if (entry.gone_since_ns == 0)
      entry.gone_since_ns = std::max<std::uint64_t>(now_ns, 1);
  }
}

std::vector<weft_edge_key> EdgeBook::expired(std::uint64_t now_ns) const {
  std::vector<weft_edge_key> keys;
  for (const auto& [key, entry] : entries_) {
    if (is_overflow(key)) continue;
    auto silent_ns = now_ns > entry.last.last_ns ? now_ns - entry.last.last_ns : 0;
    bool open = active_of(edge_counters(entry.last)) > 0;
    bool idle = silent_ns >= (open ? kIdleOpenNs : kIdleNs);
    bool gone = entry.gone_since_ns != 0 && now_ns >= entry.gone_since_ns && now_ns - entry.gone_since_ns >= kGoneNs;
    if (idle || gone) keys.push_back(key);
  }
  return keys;
}

void EdgeBook::forget(std::span<const weft_edge_key> deleted) {
  for (const auto& key : deleted) {
    auto it = entries_.find(key);
    if (it == entries_.end()) continue;
    Row& row = *it->second.row;
    entries_.erase(it);
    if (--row.keys == 0 && &row != &overflow_) remove_row(row);
  }
}

void EdgeBook::remove_row(Row& row) {
  shown_series_ -= count_bits(row.shown);
  folded_series_ -= count_bits(row.folded);
  Pair& pair = *row.pair;
  if (--pair.rows == 0) {
    shown_series_ -= count_bits(pair.shown) * kSeriesOfHistogram;
    folded_series_ -= count_bits(pair.folded) * kSeriesOfHistogram;
    pairs_.erase(pairs_.find(pair.labels));
  }
  folded_.erase(row.order);
  by_order_.erase(row.order);
  rows_.erase(rows_.find(row.labels));  // by place: the key lives in the row
}

EdgeBook::RatePoint EdgeBook::rate_point(const Row& row) {
  return {row.totals[kSlotOpened], failed_of(row.totals), row.totals[kSlotSentBytes], row.totals[kSlotReceivedBytes]};
}

void EdgeBook::note_rates(std::uint64_t now_ns) {
  bool first = updated_ns_ == 0;
  if (!first && now_ns - point_ns_[1] < kRateStepNs) return;
  auto rotate = [&](Row& row) {
    auto current = rate_point(row);
    row.points[0] = first ? current : row.points[1];
    row.points[1] = current;
  };
  for (auto& [order, row] : by_order_) rotate(*row);
  rotate(overflow_);
  point_ns_[0] = first ? now_ns : point_ns_[1];
  point_ns_[1] = now_ns;
}

EdgeRates EdgeBook::rates_of(const Row& row) const {
  if (updated_ns_ <= point_ns_[0]) return {};
  auto seconds = static_cast<double>(updated_ns_ - point_ns_[0]) / 1e9;
  const auto& then = row.points[0];
  return {per_second(row.totals[kSlotOpened], then.opened, seconds),
          per_second(failed_of(row.totals), then.failed, seconds),
          per_second(row.totals[kSlotSentBytes], then.sent, seconds),
          per_second(row.totals[kSlotReceivedBytes], then.received, seconds)};
}

EdgeRates EdgeBook::rates() const {
  auto sum = rates_of(overflow_);
  for (const auto& [order, row] : by_order_) {
    auto part = rates_of(*row);
    sum.opened_per_s += part.opened_per_s;
    sum.failed_per_s += part.failed_per_s;
    sum.sent_bytes_per_s += part.sent_bytes_per_s;
    sum.received_bytes_per_s += part.received_bytes_per_s;
  }
  return sum;
}

std::vector<EdgeSummary> EdgeBook::list() const {
  std::vector<EdgeSummary> edges;
  edges.reserve(by_order_.size());
  for (const auto& [order, row] : by_order_)
    edges.push_back({row->names, row->totals, active_of(row->totals), row->rtt_sum_us, row->rtt_count,
                     row->connect_sum_us, row->connect_count, row->last_ns, rates_of(*row)});
  return edges;
}

std::shared_ptr<const EdgeView> EdgeBook::view() const {
  auto view = std::make_shared<EdgeView>();
  view->edges.reserve(by_order_.size() + 1);
  for (const auto& [order, row] : by_order_)
    if (row->shown != 0) view->edges.push_back(series_of(*row));
  for (const auto& [labels, pair] : pairs_)
    if (pair->shown != 0) view->pairs.push_back({pair->labels, pair->shown, pair->histograms});
  auto other = other_series();
  auto other_histograms = other_pair();
  view->active_series =
      shown_series_ + count_bits(other.shown) + count_bits(other_histograms.shown) * kSeriesOfHistogram;
  view->folded_series = folded_series_;
  if (other.shown != 0) view->edges.push_back(other);
  if (other_histograms.shown != 0) view->pairs.push_back(other_histograms);
  store_labels(*view);
  return view;
}

EdgeSeries EdgeBook::series_of(const Row& row) const {
  EdgeSeries series{row.labels, row.shown, {}};
  std::copy(row.values.begin(), row.values.end(), series.values.begin());
  series.values[kSlotActive] = active_of(row.totals);
  return series;
}

EdgeSeries EdgeBook::other_series() const {
  EdgeSeries series{other_labels_, 0, {}};
  auto active = active_of(overflow_.totals);
  for (const auto& [order, row] : folded_)
    if (row->shown == 0) active += active_of(row->totals);
  std::copy(other_.begin(), other_.end(), series.values.begin());
  series.values[kSlotActive] = active;
  for (std::size_t slot = 0; slot < kEdgeSlots; ++slot)
    if (series.values[slot] != 0) series.shown |= slot_bit(slot);
  if (series.shown != 0 || !folded_.empty()) series.shown |= kCommonSlots;
  return series;
}

PairSeries EdgeBook::other_pair() const {
  PairSeries series{other_pair_labels_, 0, other_histograms_};
  for (std::size_t which = 0; which < kHistograms; ++which)
    if (other_histograms_[which].count() != 0) series.shown |= slot_bit(which);
  return series;
}

}  // namespace weft
