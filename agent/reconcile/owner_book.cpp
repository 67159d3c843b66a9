#include "agent/reconcile/owner_book.hpp"

#include "agent/reconcile/sorted_rows.hpp"

namespace weft {

OwnerBook::Difference OwnerBook::difference_to(Rows desired) const {
  Difference difference;
  compare_sorted<Row>(
      rows_, desired, [&](const weft_owner_key& key) { difference.removed.push_back(key); },
      [&](const Row& row) { difference.changed.push_back(row); },
      [&](const Row& row) { difference.added.push_back(row); });
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
