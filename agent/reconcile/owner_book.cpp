#include "agent/reconcile/owner_book.hpp"

#include "agent/base/result.hpp"

namespace weft {

OwnerBook::Difference OwnerBook::difference_to(Rows desired) const {
  Difference difference;
  auto have = rows_.begin();
  const Row* last = nullptr;
  for (const auto& want : desired) {
    WEFT_ASSERT(last == nullptr || std::memcmp(&last->first, &want.first, sizeof(want.first)) < 0);
    last = &want;
    int order = 1;
    while (have != rows_.end() && (order = std::memcmp(&have->first, &want.first, sizeof(want.first))) < 0)
      difference.removed.push_back((have++)->first);
    if (have == rows_.end() || order > 0)
      difference.added.push_back(want);
    else if (!same_bytes((have++)->second, want.second))
      difference.changed.push_back(want);
  }
  for (; have != rows_.end(); ++have) difference.removed.push_back(have->first);
  return difference;
}

void OwnerBook::apply(const Changes& changes) {
  if (changes.empty()) return;
  std::vector<Row> merged;
  merged.reserve(rows_.size() + changes.size());
  ByteLess<weft_owner_key> less;
  auto change = changes.begin();
  auto take_change = [&] {
    if (change->second) merged.emplace_back(change->first, *change->second);
    ++change;
  };
  for (const auto& row : rows_) {
    while (change != changes.end() && less(change->first, row.first)) take_change();
    if (change != changes.end() && same_bytes(change->first, row.first))
      take_change();
    else
      merged.push_back(row);
  }
  while (change != changes.end()) take_change();
  rows_ = std::move(merged);
}

}  // namespace weft
