#include "agent/reconcile/slot_book.hpp"

#include <algorithm>
#include <iterator>

#include "agent/base/result.hpp"
#include "agent/reconcile/ledger.hpp"

namespace weft {

void SlotBook::restore(const std::map<std::uint32_t, std::uint32_t>& slots, std::vector<Range> named) {
  std::erase_if(named, [this](const Range& range) { return range.count == 0 || range.first >= capacity_; });
  std::sort(named.begin(), named.end(), [](const Range& a, const Range& b) { return a.first < b.first; });
  for (const auto& range : named) {
    auto count = std::min(range.count, capacity_ - range.first);
    if (!ranges_.empty()) {
      auto& [first, last] = *ranges_.rbegin();
      if (range.first < first + last.count) {
        last.count = std::max(last.count, range.first + count - first);
        ++last.users;
        continue;
      }
    }
    ranges_.emplace(range.first, RangeState{count, 1, false});
  }
  if (!ranges_.empty()) slots_.resize(ranges_.rbegin()->first + ranges_.rbegin()->second.count);
  for (const auto& [first, state] : ranges_) {
    allocator_.take_at(first, state.count);
    for (auto it = slots.lower_bound(first); it != slots.end() && it->first < first + state.count; ++it)
      slots_[it->first] = it->second;
  }
}

std::optional<std::uint32_t> SlotBook::take(Ids ids, LedgerTime now) {
  auto count = static_cast<std::uint32_t>(ids.size());
  auto first = allocator_.take(count);
  while (!first && !grace_.empty() && grace_.front().first + kShortGrace <= now) {
    free_oldest();
    first = allocator_.take(count);
  }
  if (!first) return std::nullopt;
  if (slots_.size() < *first + count) slots_.resize(*first + count);
  std::copy(ids.begin(), ids.end(), slots_.begin() + *first);
  ranges_.emplace(*first, RangeState{count, 0, false});
  idle_.push_back(*first);
  return first;
}

std::vector<std::uint32_t> SlotBook::undo_take(std::uint32_t first) {
  auto range = ranges_.find(first);
  WEFT_ASSERT(range != ranges_.end() && range->second.users == 0);
  auto ids = ids_of(first, range->second.count);
  std::vector<std::uint32_t> copy(ids.begin(), ids.end());
  allocator_.give_back(first, range->second.count);
  ranges_.erase(range);
  return copy;
}

bool SlotBook::holds(Range range, Ids ids) const {
  if (range.count != ids.size() || range.first + std::uint64_t{range.count} > slots_.size()) return false;
  return std::ranges::equal(ids_of(range.first, range.count), ids);
}

void SlotBook::add_user(std::uint32_t first) {
  if (auto range = containing(first); range != ranges_.end()) ++range->second.users;
}

void SlotBook::drop_user(std::uint32_t first) {
  auto range = containing(first);
  if (range == ranges_.end()) return;
  WEFT_ASSERT(range->second.users > 0);
  if (--range->second.users == 0) idle_.push_back(range->first);
}

void SlotBook::sweep(LedgerTime now, const std::function<void(Ids)>& released) {
  for (auto first : std::exchange(idle_, {})) {
    auto range = ranges_.find(first);
    if (range == ranges_.end() || range->second.users > 0 || range->second.in_grace) continue;
    range->second.in_grace = true;
    grace_.emplace_back(now, first);
    released(ids_of(first, range->second.count));
  }
}

void SlotBook::expire(LedgerTime now) {
  while (!grace_.empty() && grace_.front().first + Ledger::kGrace <= now) free_oldest();
}

SlotBook::Ranges::iterator SlotBook::containing(std::uint32_t slot) {
  auto range = ranges_.upper_bound(slot);
  if (range == ranges_.begin()) return ranges_.end();
  --range;
  return slot - range->first < range->second.count ? range : ranges_.end();
}

void SlotBook::free_oldest() {
  auto first = grace_.front().second;
  grace_.pop_front();
  auto range = ranges_.find(first);
  allocator_.give_back(first, range->second.count);
  ranges_.erase(range);
}

}  // namespace weft
