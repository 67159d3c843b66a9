// The kernel's tables of policy: dump them, write a plan into them, ask the loaded programs what they decide.
#pragma once

#include <span>

#include "agent/base/result.hpp"
#include "agent/kernel/map.hpp"
#include "agent/reconcile/plan.hpp"
#include "agent/reconcile/policy_book.hpp"
#include "weft/abi/pod.h"

namespace weft {

class BpfObject;

class KernelPolicyTables {
 public:
  explicit KernelPolicyTables(const BpfObject& object);

  Result<PolicyDump> dump() const;
  Result<PolicySizes> sizes() const;
  // Programs look for subjects until a plan says that there are none: an agent that did not know of the state may have
  // left some.
  Result<> assume_subjects() const;
  // Writes steps in order; stops at the first that the kernel refuses.
  PlanOutcome apply(const PolicyPlan& plan) const;
  // Fills the answer fields of each request by a test run of the loaded program (BPF_PROG_TEST_RUN). ENOTSUP when the
  // feature is off.
  Result<> explain(std::span<weft_explain_request> requests) const;

 private:
  friend struct PolicyStepWriter;
  Map<weft_policy_key, weft_policy> rows_;
  Map<std::uint32_t, weft_subject> subjects_;
  Map<weft_peer_key, weft_peer> peers_;
  Map<weft_network_key, weft_network> networks_;
  Map<std::uint32_t, weft_policy_state> state_;
  int explain_program_ = -1;
};

}  // namespace weft
