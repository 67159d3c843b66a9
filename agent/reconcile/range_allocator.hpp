// Gives out ranges of slots. Neighbouring free ranges are one. Goes round the table before it gives a place again, so
// that session affinity, which remembers the place of a service, does not take a later range for the one it knew.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace weft {

class RangeAllocator {
 public:
  explicit RangeAllocator(std::uint32_t capacity);

  std::optional<std::uint32_t> take(std::uint32_t count);
  // Takes exactly this range, which must be free.
  void take_at(std::uint32_t first, std::uint32_t count);
  void give_back(std::uint32_t first, std::uint32_t count);
  std::uint32_t free_slots() const { return free_slots_; }

 private:
  using Free = std::map<std::uint32_t, std::uint32_t>;  // first → count

  // Looks at this many free ranges behind the last one given before it takes the smallest that fits, wherever it is.
  static constexpr int kMaxLooks = 64;

  struct Place {
    Free::iterator range;
    std::uint32_t first;  // in the range
  };
  std::optional<Place> find_place(std::uint32_t count);
  void insert(std::uint32_t first, std::uint32_t count);
  void erase(Free::iterator range);
  void cut(Free::iterator range, std::uint32_t first, std::uint32_t count);

  Free free_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> by_size_;  // (count, first)
  std::uint32_t free_slots_ = 0;
  std::uint32_t cursor_ = 0;
};

}  // namespace weft
