// Proves pod after pod that what it sends and gets is judged: the rows of its interface are in the kernel, and the
// loaded programs answer about it as the compiled policies do. The links are looked at by PodGuard. One pod a turn.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "agent/app/pod_guard.hpp"
#include "agent/app/policy_controller.hpp"

namespace weft {

class PodProver {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kRound{10};  // in which every pod is proven once

  PodProver(const Datapath& datapath, PodGuard& guard, PolicyController& policy)
      : datapath_(datapath), guard_(guard), policy_(policy) {}

  // Takes about 50 us, or as long as a comparison of the tables when something is wrong. Returns how many rows were
  // repaired.
  Result<std::size_t> prove_next(Clock::time_point now);
  // Until the next turn.
  std::chrono::milliseconds pace() const;

  std::uint64_t proven() const { return proven_; }
  std::uint64_t failed() const { return failed_; }

 private:
  std::string problem_of_rows(std::uint32_t interface, const LocalPod& pod, std::int32_t netns_id) const;
  std::string problem_of_answers(const LocalPod& pod) const;
  Result<std::size_t> repair(Clock::time_point now);

  const Datapath& datapath_;
  PodGuard& guard_;
  PolicyController& policy_;
  std::uint32_t last_ = 0;  // interface
  std::uint64_t turn_ = 0;
  Clock::time_point repaired_at_{};
  std::uint64_t proven_ = 0;
  std::uint64_t failed_ = 0;
};

}  // namespace weft
