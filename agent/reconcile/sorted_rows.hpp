// Tables that are compared as a whole, as lists sorted by the bytes of the key.
#pragma once

#include <span>

#include "agent/base/result.hpp"
#include "agent/reconcile/tables.hpp"

namespace weft {

template <class Row>
bool key_less(const Row& a, const Row& b) {
  return ByteLess<typename Row::first_type>{}(a.first, b.first);
}

// From `have` to `desired`, both sorted, without duplicates. Calls removed(key), changed(row) and added(row), each in
// the order of the keys.
template <class Row, class Removed, class Changed, class Added>
void compare_sorted(std::span<const Row> have, std::span<const Row> desired, Removed&& removed, Changed&& changed,
                    Added&& added) {
  auto old = have.begin();
  const Row* last = nullptr;
  for (const auto& want : desired) {
    WEFT_ASSERT(last == nullptr || key_less(*last, want));
    last = &want;
    while (old != have.end() && key_less(*old, want)) removed((old++)->first);
    if (old == have.end() || !same_bytes(old->first, want.first))
      added(want);
    else if (!same_bytes((old++)->second, want.second))
      changed(want);
  }
  for (; old != have.end(); ++old) removed(old->first);
}

}  // namespace weft
