#include "agent/app/policy_controller.hpp"

#include <algorithm>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr auto kSettle = 1s;  // programs that read an old row have long finished

// Numbers above all that the maps name.
PolicyNumbers numbers_after(const PolicyDump& have, RuleNames rules) {
  PolicyNumbers numbers;
  for (const auto& [id, row] : have.subjects) numbers.subject = std::max(numbers.subject, id + 1);
  for (const auto& [key, peer] : have.peers) {
    numbers.identity = std::max(numbers.identity, peer.identity + 1);
    numbers.network = std::max(numbers.network, peer.network + 1);
    numbers.owner = std::max(numbers.owner, peer.owner + 1);
  }
  for (const auto& [key, network] : have.networks) numbers.network = std::max(numbers.network, network.network + 1);
  for (const auto& [key, row] : have.rows) {
    if (key.peer >= WEFT_NETWORK_FIRST)
      numbers.network = std::max(numbers.network, key.peer + 1);
    else
      numbers.identity = std::max(numbers.identity, key.peer + 1);
  }
  numbers.rules = std::move(rules);
  return numbers;
}

}  // namespace

DesiredPolicy desired_policy(const PolicyTables& tables) {
  DesiredPolicy desired;
  for (const auto& [id, subject] : tables.subjects)
    desired.subjects.push_back({id, subject->row, subject, [subject = subject.get()](std::vector<PolicyEntry>& rows) {
                                  rows.reserve(subject->row_count());
                                  subject->for_each_row(
                                      [&](const auto& key, const auto& row) { rows.emplace_back(key, row); });
                                }});
  desired.peers = *tables.peers;
  desired.networks = *tables.networks;
  return desired;
}

PolicyController::PolicyController(const KernelPolicyTables& kernel, const PolicySizes& sizes, const PolicyDump& have,
                                   RuleNames rules)
    : kernel_(kernel), sizes_(sizes), compiler_(numbers_after(have, std::move(rules))), book_(sizes, have) {}

void PolicyController::tick(const std::shared_ptr<const Snapshot>& snapshot, const NodeFacts& facts,
                            const std::shared_ptr<const Quarantines>& quarantines, Clock::time_point now,
                            const std::function<void()>& compiled) {
  if (!snapshot->all_synced()) return;
  bool due = due_at_ && *due_at_ <= now;
  bool changed = snapshot != snapshot_ || facts != facts_ || quarantines != quarantines_;
  if (!changed && !due) return;
  bool refused = !failure_.empty();
  auto before = tables_;
  // Rows of what went leave with the next compile, once no address in the kernel names them any more.
  if (changed || !refused) tables_ = compiler_.compile(*snapshot, facts, *quarantines);
  snapshot_ = snapshot;
  facts_ = facts;
  quarantines_ = quarantines;
  if (tables_ == before && !due && !refused) return;
  if (compiled) compiled();
  apply(now);
}

void PolicyController::apply(Clock::time_point now) {
  PolicyPlan plan;
  auto planned = book_.plan(desired_policy(*tables_), plan);
  auto outcome = kernel_.apply(plan);
  failure_ = planned ? "" : planned.error().what;
  if (outcome.code != 0) {
    failure_ = outcome.what;
    // What got in is not told row by row: the maps themselves say it.
    if (auto have = kernel_.dump()) book_.restart(*have);
  }
  applied_ = failure_.empty();
  due_at_.reset();
  if (!applied_) {
    due_at_ = backoff_.next(now);
    return;
  }
  backoff_.reset();
  if (tables_->settling) due_at_ = now + kSettle;
}

Result<std::size_t> PolicyController::repair() {
  if (!tables_) return std::size_t{0};
  auto plan = book_.plan_repair(WEFT_TRY(kernel_.dump()));
  auto outcome = kernel_.apply(plan);
  if (outcome.code != 0) return fail(outcome.code, outcome.what);
  return plan.steps.size();
}

}  // namespace weft
