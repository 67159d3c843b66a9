// Numbers for contents that come and go. One that was given back is not given again before all the others were: with a
// quarter of all 32-bit numbers to give, that is far more than the 60 s for which old rows and flows may name it.
#pragma once

#include <cstdint>
#include <unordered_set>

namespace weft {

class NumberSource {
 public:
  // Numbers from `first` to `last`, beginning with `next`: after a restart, with one that no kernel map names.
  NumberSource(std::uint32_t first, std::uint32_t last, std::uint32_t next)
      : first_(first), last_(last), next_(next < first || next > last ? first : next) {}

  std::uint32_t take() {
    while (!used_.insert(next_).second) advance();
    auto taken = next_;
    advance();
    return taken;
  }
  void give_back(std::uint32_t number) { used_.erase(number); }

 private:
  void advance() { next_ = next_ == last_ ? first_ : next_ + 1; }

  std::uint32_t first_;
  std::uint32_t last_;
  std::uint32_t next_;
  std::unordered_set<std::uint32_t> used_;
};

}  // namespace weft
