// The downward half of the agent on the loop thread: events fold into snapshots, snapshots compile, the difference is
// written into the kernel. Decides nothing itself; keeps what could not be written and tries again.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/app/backoff.hpp"
#include "agent/compile/compiler.hpp"
#include "agent/kernel/tables.hpp"
#include "agent/model/fold.hpp"
#include "agent/reconcile/ledger.hpp"

namespace weft {

class Controller {
 public:
  using Clock = std::chrono::steady_clock;

  // Tables as the kernel holds them now; `names` of the agent's earlier life.
  Controller(const KernelTables& kernel, const TableSizes& sizes, const Tables& have, Names names, NodeFacts facts,
             Clock::time_point now);

  void expect_source(const SourceId& source) { fold_.expect_source(source); }
  void enqueue(std::vector<Event> events);
  bool has_pending() const { return !pending_.empty(); }
  void set_facts(NodeFacts facts);
  void set_processes(Table<weft_process_key, std::uint32_t> processes);

  // What could not be written is tried by the next tick, however recently it failed.
  void retry_now(Clock::time_point now);

  // Folds, compiles and applies everything that waits, and what an earlier tick could not write and is due again.
  // Returns how long each event that got in had waited.
  std::vector<Clock::duration> tick(Clock::time_point now);

  // Dumps the maps, restores what differs from the book; returns the number of steps that took.
  Result<std::size_t> repair(Clock::time_point now);

  // When tick() should run next without an event; nothing when nothing waits.
  std::optional<Clock::time_point> next_due() const;

  const std::shared_ptr<const Snapshot>& snapshot() const { return fold_.snapshot(); }
  const Fold& fold() const { return fold_; }
  const std::shared_ptr<const Compiled>& compiled() const { return compiled_; }
  const NodeFacts& facts() const { return facts_; }
  std::uint64_t desired_revision() const;
  std::uint64_t applied_revision() const { return applied_revision_; }
  bool ready() const { return first_full_apply_; }
  TableSizes used() const { return ledger_.used(); }
  const TableSizes& sizes() const { return sizes_; }
  // Why a service is not in the kernel as it should be; empty when it is.
  std::string find_failure(const NamespacedName& service) const;
  const std::map<NamespacedName, std::string>& failures() const { return failures_; }
  const std::string& table_failure() const { return table_failure_; }

 private:
  void compile_pending(Clock::time_point now);
  void plan_services(Clock::time_point now, Plan& plan);
  void plan_one(const NamespacedName& name, bool may_remove, Clock::time_point now, Plan& plan);
  void plan_refused(Clock::time_point now, Plan& plan);
  void plan_forgotten(Clock::time_point now, Plan& plan);
  void plan_node_tables(Plan& plan);
  void settle(const Plan& plan, const PlanOutcome& outcome, Clock::time_point now);

  const KernelTables& kernel_;
  TableSizes sizes_;
  Fold fold_;
  Compiler compiler_;
  Ledger ledger_;
  NodeFacts facts_;
  std::vector<Event> pending_;
  std::shared_ptr<const Compiled> compiled_;
  Table<weft_process_key, std::uint32_t> processes_;
  std::map<NamespacedName, std::uint32_t> ids_;     // services that have rows, by their numeric name
  std::set<NamespacedName> unplanned_;              // to be planned by the next tick
  std::map<NamespacedName, std::string> failures_;  // planned, but not as they should be
  std::string table_failure_;                       // of owners, processes or the kernel itself
  bool owners_dirty_ = true;
  bool processes_dirty_ = true;
  bool facts_changed_ = true;
  bool forgotten_removed_ = false;
  bool first_full_apply_ = false;
  std::uint64_t applied_revision_ = 0;
  Backoff backoff_;
  std::optional<Clock::time_point> retry_at_;
  Clock::time_point next_expiry_{};
};

}  // namespace weft
