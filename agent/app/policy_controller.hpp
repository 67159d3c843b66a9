// Policy on its way down: snapshots compile to tables, the difference is written into the kernel. Nothing is touched
// before every source has been read: half of the policies would allow too much.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/app/backoff.hpp"
#include "agent/compile/policy_compiler.hpp"
#include "agent/kernel/policy_tables.hpp"
#include "agent/reconcile/policy_book.hpp"

namespace weft {

// Views into `tables`, which must outlive the result.
DesiredPolicy desired_policy(const PolicyTables& tables);

class PolicyController {
 public:
  using Clock = std::chrono::steady_clock;

  // `have`: the maps as they are; `rules`: the numbers that an earlier life of the agent gave.
  PolicyController(const KernelPolicyTables& kernel, const PolicySizes& sizes, const PolicyDump& have, RuleNames rules);

  // Compiles and applies what changed since the last call, or what was refused then and is due again. `compiled` is
  // called in between: who reads records must know a rule before the first packet meets it.
  void tick(const std::shared_ptr<const Snapshot>& snapshot, const NodeFacts& facts,
            const std::shared_ptr<const Quarantines>& quarantines, Clock::time_point now,
            const std::function<void()>& compiled = {});
  // When tick() should run without a new snapshot: what was refused is tried again, what went is removed.
  std::optional<Clock::time_point> next_due() const { return due_at_; }
  // Dumps the maps, restores what differs; returns the number of steps that took.
  Result<std::size_t> repair();

  // Null before the first compile.
  const std::shared_ptr<const PolicyTables>& tables() const { return tables_; }
  bool applied() const { return applied_; }  // what tables() says is in force
  const std::string& failure() const { return failure_; }
  PolicySizes used() const { return book_.used(); }
  const PolicySizes& sizes() const { return sizes_; }

 private:
  void apply(Clock::time_point now);

  const KernelPolicyTables& kernel_;
  PolicySizes sizes_;
  PolicyCompiler compiler_;
  PolicyBook book_;
  std::shared_ptr<const Snapshot> snapshot_;
  NodeFacts facts_;
  std::shared_ptr<const Quarantines> quarantines_;
  std::shared_ptr<const PolicyTables> tables_;
  std::string failure_;
  bool applied_ = false;
  Backoff backoff_;
  std::optional<Clock::time_point> due_at_;
};

}  // namespace weft
