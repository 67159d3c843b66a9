#include "agent/reconcile/range_allocator.hpp"

#include <algorithm>
#include <iterator>

#include "agent/base/result.hpp"

namespace weft {

RangeAllocator::RangeAllocator(std::uint32_t capacity) {
  if (capacity > 0) insert(0, capacity);
}

std::optional<std::uint32_t> RangeAllocator::take(std::uint32_t count) {
  if (count == 0 || count > free_slots_) return std::nullopt;
  auto place = find_place(count);
  if (!place) return std::nullopt;
  cut(place->range, place->first, count);
  cursor_ = place->first + count;
  return place->first;
}

void RangeAllocator::take_at(std::uint32_t first, std::uint32_t count) {
  auto range = free_.upper_bound(first);
  WEFT_ASSERT(range != free_.begin());
  --range;
  WEFT_ASSERT(first + count <= range->first + range->second);
  cut(range, first, count);
}

void RangeAllocator::give_back(std::uint32_t first, std::uint32_t count) {
  auto after = free_.lower_bound(first);
  WEFT_ASSERT(after == free_.end() || first + count <= after->first);
  auto begin = first, end = first + count;
  if (after != free_.begin()) {
    auto before = std::prev(after);
    WEFT_ASSERT(before->first + before->second <= first);
    if (before->first + before->second == first) {
      begin = before->first;
      erase(before);
    }
  }
  if (after != free_.end() && after->first == end) {
    end = after->first + after->second;
    erase(after);
  }
  insert(begin, end - begin);
}

std::optional<RangeAllocator::Place> RangeAllocator::find_place(std::uint32_t count) {
  auto range = free_.upper_bound(cursor_);
  if (range != free_.begin()) {
    auto around = std::prev(range);
    if (around->first + std::uint64_t{around->second} >= cursor_ + std::uint64_t{count}) return Place{around, cursor_};
  }
  auto looks = std::min<std::size_t>(kMaxLooks, free_.size());
  for (std::size_t i = 0; i < looks; ++i, ++range) {
    if (range == free_.end()) range = free_.begin();
    if (range->second >= count) return Place{range, range->first};
  }
  auto smallest = by_size_.lower_bound({count, 0});
  if (smallest == by_size_.end()) return std::nullopt;
  return Place{free_.find(smallest->second), smallest->second};
}

void RangeAllocator::insert(std::uint32_t first, std::uint32_t count) {
  free_.emplace(first, count);
  by_size_.emplace(count, first);
  free_slots_ += count;
}

void RangeAllocator::erase(Free::iterator range) {
  by_size_.erase({range->second, range->first});
  free_slots_ -= range->second;
  free_.erase(range);
}

void RangeAllocator::cut(Free::iterator range, std::uint32_t first, std::uint32_t count) {
  auto [begin, length] = *range;
  erase(range);
  if (begin < first) insert(begin, first - begin);
  if (first + count < begin + length) insert(first + count, begin + length - first - count);
}

}  // namespace weft
