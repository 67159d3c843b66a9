// Drift: what a dump of the maps lacks or has too much of, against the book.
#include "agent/reconcile/ledger_state.hpp"

namespace weft {

Plan Ledger::plan_repair(const Tables& dump, Clock::time_point) {
  WEFT_ASSERT(state_->planned_steps == 0);
  Plan plan;
  state_->repair_endpoints(dump, plan);
  state_->repair_slots(dump, plan);
  state_->repair_services(dump, plan);
  state_->repair_owners(dump, plan);
  state_->repair_processes(dump, plan);
  if (!same_bytes(dump.settings, state_->settings)) plan.steps.push_back(PutSettings{state_->settings});
  state_->planned_steps = plan.steps.size();
  return plan;
}

// Rows in their grace count as well: they may be wanted again. A row that the book does not know may be in use by a
// program run right now: it is cleared after a grace.
void Ledger::State::repair_endpoints(const Tables& dump, Plan& plan) {
  endpoints.for_each_row([&](std::uint32_t id, const weft_endpoint& row) {
    auto it = dump.endpoints.find(id);
    if (it == dump.endpoints.end() || !same_bytes(it->second, row)) plan.steps.push_back(PutEndpoint{id, row});
  });
  for (const auto& [id, row] : dump.endpoints) endpoints.adopt_stray(id, row);
}

void Ledger::State::repair_slots(const Tables& dump, Plan& plan) const {
  auto differs = [&dump](std::uint32_t slot, std::uint32_t id) {
    auto it = dump.slots.find(slot);
    return (it == dump.slots.end() ? 0 : it->second) != id;
  };
  slots.for_each_used_range([&](std::uint32_t first, std::span<const std::uint32_t> ids) {
    for (std::uint32_t i = 0; i < ids.size(); ++i) {
      if (!differs(first + i, ids[i])) continue;
      plan.steps.push_back(PutSlots{first, {ids.begin(), ids.end()}});
      return;
    }
  });
}

void Ledger::State::repair_services(const Tables& dump, Plan& plan) const {
  services.for_each([&](const weft_service_key& key, const weft_service& row) {
    auto it = dump.services.find(key);
    if (it == dump.services.end() || !same_bytes(it->second, row)) plan.steps.push_back(PutService{key, row});
  });
  for (const auto& [key, row] : dump.services)
    if (services.find(key) == nullptr) plan.steps.push_back(RemoveService{key});
}

void Ledger::State::repair_owners(const Tables& dump, Plan& plan) const {
  auto difference = OwnerBook(dump.owners).difference_to(owners.rows());
  for (const auto& key : difference.removed) plan.steps.push_back(RemoveOwner{key});
  for (const auto& [key, row] : difference.changed) plan.steps.push_back(PutOwner{key, row});
  for (const auto& [key, row] : difference.added) plan.steps.push_back(PutOwner{key, row});
}

void Ledger::State::repair_processes(const Tables& dump, Plan& plan) const {
  for (const auto& [key, workload] : dump.processes)
    if (!processes.contains(key)) plan.steps.push_back(RemoveProcess{key});
  for (const auto& [key, workload] : processes) {
    auto it = dump.processes.find(key);
    if (it == dump.processes.end() || it->second != workload) plan.steps.push_back(PutProcess{key, workload});
  }
}

}  // namespace weft
