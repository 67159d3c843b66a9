// The ledger's page about weft_slots: which ranges are held, by how many frontends, and what they hold.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/reconcile/range_allocator.hpp"

namespace weft {

using LedgerTime = std::chrono::steady_clock::time_point;

class SlotBook {
 public:
  struct Range {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t generation = 0;  // weft_service::generation; no two ranges of a service have the same
  };
  using Ids = std::span<const std::uint32_t>;

  explicit SlotBook(std::uint32_t capacity) : capacity_(capacity), allocator_(capacity) {}

  // Once, before anything else: the slots of a dump and the ranges that its services name. Ranges that overlap are held
  // as one until no service names any of them.
  void restore(const std::map<std::uint32_t, std::uint32_t>& slots, std::vector<Range> named);

  // A new range that holds `ids`. When there is no room, ranges given up for at least kShortGrace are taken back first.
  std::optional<std::uint32_t> take(Ids ids, LedgerTime now);
  // A range that never got into the kernel: free again at once. Returns its ids.
  std::vector<std::uint32_t> undo_take(std::uint32_t first);

  bool holds(Range range, Ids ids) const;

  // A frontend names, or no longer names, the range that contains `first`. Nothing when no range does.
  void add_user(std::uint32_t first);
  void drop_user(std::uint32_t first);

  // Ranges that lost their last user since the last sweep begin their grace; `released` is told the ids of each.
  void sweep(LedgerTime now, const std::function<void(Ids)>& released);
  void expire(LedgerTime now);

  std::uint32_t used_slots() const { return capacity_ - allocator_.free_slots(); }
  template <class F>
  void for_each_used_range(F&& visit) const {
    for (const auto& [first, state] : ranges_)
      if (state.users > 0) visit(first, ids_of(first, state.count));
  }
  template <class F>
  void for_each_range(F&& visit) const {
    for (const auto& [first, state] : ranges_) visit(first, ids_of(first, state.count));
  }

 private:
  struct RangeState {
    std::uint32_t count = 0;
    std::uint32_t users = 0;
    bool in_grace = false;
  };
  using Ranges = std::map<std::uint32_t, RangeState>;

  // A program run that read the old service entry is over long before; what outlives it does not name slots.
  static constexpr std::chrono::seconds kShortGrace{1};

  Ids ids_of(std::uint32_t first, std::uint32_t count) const { return Ids(slots_).subspan(first, count); }
  Ranges::iterator containing(std::uint32_t slot);
  void free_oldest();

  std::uint32_t capacity_;
  RangeAllocator allocator_;
  std::vector<std::uint32_t> slots_;  // up to the highest slot ever used
  Ranges ranges_;
  std::vector<std::uint32_t> idle_;  // ranges that may have lost their last user since the last sweep
  std::deque<std::pair<LedgerTime, std::uint32_t>> grace_;  // given up at → first slot
};

}  // namespace weft
