// When to try again what the kernel refused: 100 ms … 30 s, twice as long each time, and up to a fifth more, so that
// agents that failed at once do not all come back at once.
#pragma once

#include <algorithm>
#include <chrono>

namespace weft {

class Backoff {
 public:
  using Clock = std::chrono::steady_clock;

  Clock::time_point next(Clock::time_point now) {
    delay_ = std::clamp<Clock::duration>(delay_ * 2, kFirst, kLast);
    return now + delay_ + delay_ * (now.time_since_epoch().count() / 1000 % 100) / 500;
  }
  void reset() { delay_ = {}; }

 private:
  static constexpr std::chrono::milliseconds kFirst{100};
  static constexpr std::chrono::seconds kLast{30};
  Clock::duration delay_{};
};

}  // namespace weft
