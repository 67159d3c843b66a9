// The agent's maps as tables: dump them, write a plan into them.
#pragma once

#include "agent/base/result.hpp"
#include "agent/kernel/map.hpp"
#include "agent/reconcile/plan.hpp"
#include "agent/reconcile/tables.hpp"

namespace weft {

class BpfObject;

class KernelTables {
 public:
  explicit KernelTables(const BpfObject& object);

  Result<Tables> dump() const;

  // Writes steps in order, runs of equal kind in batches; stops at the first that the kernel refuses.
  PlanOutcome apply(const Plan& plan) const;

 private:
  friend struct StepWriter;
  Map<weft_service_key, weft_service> services_;
  Map<std::uint32_t, std::uint32_t> slots_;
  Map<std::uint32_t, weft_endpoint> endpoints_;
  Map<weft_owner_key, weft_owner> owners_;
  Map<weft_process_key, std::uint32_t> processes_;
  Map<std::uint32_t, weft_settings> settings_;
};

}  // namespace weft
