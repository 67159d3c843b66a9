#include "agent/app/pod_prover.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/compile/policy_probe.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr auto kRepairPace = 2s;  // a repair dumps every table
constexpr std::chrono::milliseconds kFastest{10}, kSlowest{1000};

}  // namespace

std::chrono::milliseconds PodProver::pace() const {
  auto pods = std::max<std::size_t>(1, guard_.bindings().size());
  return std::clamp<std::chrono::milliseconds>(kRound / pods, kFastest, kSlowest);
}

std::string PodProver::problem_of_rows(std::uint32_t interface, const LocalPod& pod, std::int32_t netns_id) const {
  const auto& tables = datapath_.pod_tables();
  if (!tables.has_interface(interface, netns_id)) return "the kernel does not hold the row of its interface";
  for (const auto& address : pod.addresses)
    if (!tables.has_source(interface, address)) return "the kernel does not know " + address.text() + " for its own";
  return "";
}

std::string PodProver::problem_of_answers(const LocalPod& pod) const {
  if (!policy_.tables() || !policy_.applied()) return "";  // what is not in the kernel is told elsewhere
  for (const auto& address : pod.addresses) {
    auto wanted = make_probe(*policy_.tables(), address, turn_);
    if (!wanted) continue;
    auto got = without_answer(*wanted);
    if (auto asked = datapath_.policy().explain({&got, 1}); !asked) return asked.error().what;
    if (auto difference = difference_of(*wanted, got); !difference.empty()) return difference;
  }
  return "";
}

Result<std::size_t> PodProver::prove_next(Clock::time_point now) {
  const auto& bindings = guard_.bindings();
  if (bindings.empty()) return std::size_t{0};
  auto it = bindings.upper_bound(last_);
  if (it == bindings.end()) it = bindings.begin(), ++turn_;
  last_ = it->first;
  const auto* pod = guard_.pods().find(it->second.pod);
  if (pod == nullptr || !guard_.is_attached(last_)) return std::size_t{0};
  auto problem = problem_of_rows(last_, *pod, it->second.netns_id);
  if (problem.empty()) problem = problem_of_answers(*pod);
  ++(problem.empty() ? proven_ : failed_);
  if (guard_.note_proof(last_, problem) && !problem.empty())
    spdlog::error("pod {}/{} is not proven to be under policy: {}", it->second.pod.first, it->second.pod.second,
                  problem);
  return problem.empty() ? std::size_t{0} : repair(now);
}

Result<std::size_t> PodProver::repair(Clock::time_point now) {
  if (now - repaired_at_ < kRepairPace) return std::size_t{0};
  repaired_at_ = now;
  last_ = 0;  // all of them again, now that the tables are right
  WEFT_TRY(guard_.compare());
  return policy_.repair();
}

}  // namespace weft
