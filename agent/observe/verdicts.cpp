#include "agent/observe/verdicts.hpp"

#include <fmt/format.h>

#include <bit>

#include "agent/observe/edge_labels.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

std::uint64_t packed(const weft_verdict_key& key) { return std::bit_cast<std::uint64_t>(key); }

std::string_view verdict_label(const weft_verdict_key& key) {
  if (key.audit != 0) return "audited";
  return key.verdict == WEFT_VERDICT_ALLOW ? "allowed" : "denied";
}

std::string labels_of(const weft_verdict_key& key, std::string_view policy, std::string_view rule) {
  return fmt::format(R"({{direction="{}",verdict="{}",policy="{}",rule="{}")", direction_name(key.direction),
                     verdict_label(key), escape_label(policy), escape_label(rule));
}

}  // namespace

VerdictBook::SeriesMap::iterator VerdictBook::series_for(const weft_verdict_key& key, const RuleWords* words) {
  auto labels = key.rule == 0      ? labels_of(key, "", "")
                : words == nullptr ? labels_of(key, "unknown", "unknown")
                                   : labels_of(key, name_text(words->policy), words->rule);
  if (auto known = series_.find(labels); known != series_.end()) return known;
  if (series_.size() >= max_series_) labels = labels_of(key, kOther, kOther);
  return series_.try_emplace(std::move(labels)).first;
}

void VerdictBook::attach(Row& row, const RuleWords* words) {
  row.series = series_for(row.key, words);
  row.named = words != nullptr || row.key.rule == 0;
  ++row.series->second.rows;
}

void VerdictBook::release(SeriesMap::iterator series) {
  if (--series->second.rows == 0) series_.erase(series);
}

void VerdictBook::update(std::span<const VerdictSample> samples, const NameSource& names) {
  for (auto& [id, row] : rows_) row.seen = false;
  for (const auto& sample : samples) {
    auto words = names.find_rule(sample.key.rule);
    auto [entry, added] = rows_.try_emplace(packed(sample.key));
    auto& row = entry->second;
    row.key = sample.key;
    if (added) attach(row, words ? &*words : nullptr);
    if (!row.named && words) {  // what was counted until now stays where it is
      auto nameless = row.series;
      attach(row, &*words);
      release(nameless);
    }
    auto decisions = sample.count.decisions;
    row.series->second.value += decisions >= row.decisions ? decisions - row.decisions : decisions;
    row.decisions = decisions;
    row.last_ns = sample.count.last_ns;
    row.lives = sample.key.rule == 0 || names.rule_lives(sample.key.rule);
    row.seen = true;
  }
  for (auto entry = rows_.begin(); entry != rows_.end();) {
    auto at = entry++;
    if (at->second.seen) continue;
    release(at->second.series);
    rows_.erase(at);
  }
}

std::vector<weft_verdict_key> VerdictBook::expired(std::uint64_t now_ns) const {
  std::vector<weft_verdict_key> keys;
  for (const auto& [id, row] : rows_)
    if (!row.lives && now_ns > row.last_ns && now_ns - row.last_ns >= kIdleNs) keys.push_back(row.key);
  return keys;
}

void VerdictBook::forget(std::span<const weft_verdict_key> deleted) {
  for (const auto& key : deleted) {
    auto entry = rows_.find(packed(key));
    if (entry == rows_.end()) continue;
    release(entry->second.series);
    rows_.erase(entry);
  }
}

std::shared_ptr<const VerdictView> VerdictBook::view() const {
  auto view = std::make_shared<VerdictView>();
  view->reserve(series_.size());
  for (const auto& [labels, series] : series_) view->push_back({labels, series.value});
  return view;
}

}  // namespace weft
