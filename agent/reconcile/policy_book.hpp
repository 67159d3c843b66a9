// The agent's book of what the kernel's tables of policy hold. A pure value, as the ledger is.
//
// What does not fit is closed: a subject whose rows find no room is isolated in both directions and has none.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "agent/base/result.hpp"
#include "agent/reconcile/policy_plan.hpp"

namespace weft {

// Capacity of the maps, in entries.
struct PolicySizes {
  std::uint32_t rows = 0;
  std::uint32_t subjects = 0;
  std::uint32_t peers = 0;
  std::uint32_t networks = 0;
};

// `peers` and `networks` are sorted by the bytes of their keys.
struct DesiredPolicy {
  struct Subject {
    std::uint32_t id = 0;
    weft_subject row{};
    std::shared_ptr<const void> version;  // the same pointer: the same rows
    std::function<void(std::vector<PolicyEntry>&)> append_rows;
  };
  std::vector<Subject> subjects;
  std::span<const PeerEntry> peers;
  std::span<const NetworkEntry> networks;
};

class PolicyBook {
 public:
  PolicyBook(const PolicySizes& sizes, const PolicyDump& have);

  // Steps from the book to `desired`, booked as if all of them get in; the caller calls restart() with a dump
  // otherwise. The error (ENOSPC) tells what found no room; the plan is to be applied all the same.
  Result<> plan(const DesiredPolicy& desired, PolicyPlan& plan);
  // Drift: steps that restore what the book says.
  PolicyPlan plan_repair(const PolicyDump& dump) const;
  void restart(const PolicyDump& have);

  PolicySizes used() const;

 private:
  struct Subject {
    weft_subject row{};
    std::shared_ptr<const void> version;
    // Sorted by the bytes of the key; never null. The same pointer in two states of the book: the same rows.
    std::shared_ptr<const std::vector<PolicyEntry>> rows = std::make_shared<const std::vector<PolicyEntry>>();
  };
  using Subjects = std::map<std::uint32_t, Subject>;

  Subjects make_subjects(const DesiredPolicy& desired, std::string& problem) const;
  void plan_rows(const Subjects& desired, PolicyPlan& plan, std::vector<weft_policy_key>& removed) const;

  PolicySizes sizes_;
  Subjects subjects_;
  std::vector<PeerEntry> peers_;
  std::vector<NetworkEntry> networks_;
  weft_policy_state state_{};
};

}  // namespace weft
