// The agent's book of what the kernel maps hold, and the only giver of slot ranges and endpoint ids. A pure value: time
// is a parameter, writes are steps of a Plan that somebody else applies.
//
// Ids are kept over restarts because the ledger starts from a dump of the pinned maps. A range or an id that was given
// up is left alone for kGrace, so that a program that read the old entry still finds what it names.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/reconcile/plan.hpp"
#include "agent/reconcile/tables.hpp"

namespace weft {

// Capacity of the maps, in entries.
struct TableSizes {
  std::uint32_t services = 0;
  std::uint32_t slots = 0;
  std::uint32_t endpoints = 0;
  std::uint32_t owners = 0;
  std::uint32_t processes = 0;
};

// One service as it should be: the input of a plan. Sets are shared by frontends, so that they share slots.
struct DesiredService {
  struct Frontend {
    weft_service_key key;
    std::uint16_t set;
  };
  std::uint32_t service = 0;
  std::uint16_t flags = 0;
  std::uint32_t affinity_timeout_s = 0;
  std::vector<std::span<const weft_endpoint>> sets;
  std::vector<Frontend> frontends;
};

// One plan at a time: every plan_* appends to the plan that was begun since the last commit, and commit is told of that
// plan, also when nothing of it got in.
class Ledger {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kGrace{60};

  Ledger(const TableSizes& sizes, const Tables& have, Clock::time_point now);
  ~Ledger();

  // Steps that make the rows of one service (by its numeric name) equal to `desired`; frontends that the service had
  // and that are gone are removed when `may_remove`. Fails, changing nothing, when a table is full: code ENOSPC, the
  // table and its configuration key in the text.
  Result<> plan_service(const DesiredService& desired, bool may_remove, Clock::time_point now, Plan& plan);
  Result<> plan_service_removal(std::uint32_t service, Clock::time_point now, Plan& plan);
  // `desired` is sorted by the bytes of the key. When the table is full the rows that fit are planned all the same (an
  // address without a row counts as world), and the error tells how many are missing.
  Result<> plan_owners(std::span<const std::pair<weft_owner_key, weft_owner>> desired, bool may_remove, Plan& plan);
  Result<> plan_processes(const Table<weft_process_key, std::uint32_t>& desired, Plan& plan);
  void plan_settings(const weft_settings& desired, Plan& plan);
  // Services in the maps that `keep` does not name: deleted once every source has synced.
  std::vector<std::uint32_t> services() const;
  // Steps for what its grace has run out for.
  void plan_expired(Clock::time_point now, Plan& plan);

  // Books what got in. Steps of a plan that did not get in are undone in the book, ids and ranges included.
  void commit(const Plan& plan, const PlanOutcome& outcome, Clock::time_point now);

  // Drift: takes a fresh dump as the truth and returns the steps that restore what the book says.
  Plan plan_repair(const Tables& dump, Clock::time_point now);

  TableSizes used() const;
  const weft_service* find_service(const weft_service_key& key) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weft
