#include "agent/reconcile/ledger.hpp"

#include <fmt/format.h>

#include "agent/reconcile/ledger_state.hpp"

namespace weft {

Ledger::State::State(const TableSizes& capacity, const Tables& have, Clock::time_point now)
    : sizes(capacity),
      // Above those of an earlier life whose services are gone: affinity may remember them.
      last_generation(static_cast<std::uint32_t>(
          std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count())),
      slots(capacity.slots),
      endpoints(capacity.endpoints, have.endpoints),
      owners(have.owners),
      processes(have.processes),
      settings(have.settings) {
  std::vector<Range> named;
  for (const auto& [key, row] : have.services) {
    services.set(key, row);
    last_generation = std::max(last_generation, row.generation);
    named.push_back({row.first_slot, row.slot_count});
  }
  slots.restore(have.slots, std::move(named));
  slots.for_each_range([this](std::uint32_t, std::span<const std::uint32_t> ids) {
    for (auto id : ids) endpoints.add_user(id);
  });
  endpoints.restored();
  sweep(now);
}

void Ledger::State::record(Plan& plan, Step step, decltype(Entry::undo) undo) {
  journal.push_back({plan.steps.size(), std::move(undo)});
  plan.steps.push_back(std::move(step));
}

void Ledger::State::undo_from(std::size_t step) {
  for (; !journal.empty() && journal.back().step >= step; journal.pop_back())
    std::visit([this](const auto& entry) { undo(entry); }, journal.back().undo);
}

void Ledger::State::undo(const RowUndo& entry) { set_frontend(entry.key, entry.before); }

void Ledger::State::undo(const SlotsUndo& entry) {
  for (auto id : slots.undo_take(entry.first)) endpoints.drop_user(id);
}

void Ledger::State::undo(const EndpointUndo& entry) {
  if (entry.before)
    endpoints.set_row(entry.id, *entry.before);
  else
    endpoints.undo_take(entry.id);
}

void Ledger::State::undo(const ClearUndo& entry) { endpoints.undo_expire(entry.id); }

void Ledger::State::sweep(Clock::time_point now) {
  slots.sweep(now, [this](std::span<const std::uint32_t> ids) {
    for (auto id : ids) endpoints.drop_user(id);
  });
  endpoints.sweep(now);
}

void Ledger::State::book_simple_steps(const Plan& plan, std::size_t done) {
  OwnerBook::Changes changes;
  for (std::size_t i = 0; i < done; ++i) {
    const auto& step = plan.steps[i];
    if (const auto* put = std::get_if<PutOwner>(&step)) changes.insert_or_assign(put->key, put->row);
    if (const auto* gone = std::get_if<RemoveOwner>(&step)) changes.insert_or_assign(gone->key, std::nullopt);
    if (const auto* put = std::get_if<PutProcess>(&step)) processes.insert_or_assign(put->key, put->workload);
    if (const auto* gone = std::get_if<RemoveProcess>(&step)) processes.erase(gone->key);
    if (const auto* put = std::get_if<PutSettings>(&step)) settings = put->row;
  }
  owners.apply(changes);
}

Ledger::Ledger(const TableSizes& sizes, const Tables& have, Clock::time_point now)
    : state_(std::make_unique<State>(sizes, have, now)) {}
Ledger::~Ledger() = default;

Result<> Ledger::plan_service(const DesiredService& desired, bool may_remove, Clock::time_point now, Plan& plan) {
  auto mark = plan.steps.size();
  WEFT_ASSERT(mark == state_->planned_steps);
  auto planned = state_->plan_service(desired, may_remove, now, plan);
  if (!planned) {
    state_->undo_from(mark);
    plan.steps.erase(plan.steps.begin() + static_cast<std::ptrdiff_t>(mark), plan.steps.end());
  }
  state_->planned_steps = plan.steps.size();
  return planned;
}

Result<> Ledger::plan_service_removal(std::uint32_t service, Clock::time_point, Plan& plan) {
  WEFT_ASSERT(plan.steps.size() == state_->planned_steps);
  for (const auto& key : ServiceBook::Keys(state_->services.keys_of(service))) state_->plan_frontend_removal(key, plan);
  state_->planned_steps = plan.steps.size();
  return {};
}

Result<> Ledger::plan_owners(std::span<const std::pair<weft_owner_key, weft_owner>> desired, bool may_remove,
                             Plan& plan) {
  WEFT_ASSERT(plan.steps.size() == state_->planned_steps);
  auto difference = state_->owners.difference_to(desired);
  auto count = state_->owners.rows().size();
  // Removals first: an address that moved to nobody must not keep its old owner a moment longer than needed.
  if (may_remove)
    for (const auto& key : difference.removed) plan.steps.push_back(RemoveOwner{key}), --count;
  for (const auto& [key, row] : difference.changed) plan.steps.push_back(PutOwner{key, row});
  std::size_t missing = 0;
  for (const auto& [key, row] : difference.added)
    if (count < state_->sizes.owners)
      plan.steps.push_back(PutOwner{key, row}), ++count;
    else
      ++missing;
  state_->planned_steps = plan.steps.size();
  if (missing == 0) return {};
  return fail(ENOSPC, fmt::format("the table of owners is full ({} entries), {} addresses are left out: raise "
                                  "datapath.maps.owners",
                                  state_->sizes.owners, missing));
}

Result<> Ledger::plan_processes(const Table<weft_process_key, std::uint32_t>& desired, Plan& plan) {
  WEFT_ASSERT(plan.steps.size() == state_->planned_steps);
  const auto& have = state_->processes;
  auto count = have.size();
  for (const auto& [key, workload] : have)
    if (!desired.contains(key)) plan.steps.push_back(RemoveProcess{key}), --count;
  std::size_t missing = 0;
  for (const auto& [key, workload] : desired) {
    auto it = have.find(key);
    if (it != have.end() && it->second == workload) continue;
    if (it == have.end() && count >= state_->sizes.processes) {
      ++missing;
      continue;
    }
    count += it == have.end() ? 1 : 0;
    plan.steps.push_back(PutProcess{key, workload});
  }
  state_->planned_steps = plan.steps.size();
  if (missing == 0) return {};
  return fail(ENOSPC, fmt::format("the table of processes is full ({} entries), {} are left out: raise "
                                  "datapath.maps.processes",
                                  state_->sizes.processes, missing));
}

void Ledger::plan_settings(const weft_settings& desired, Plan& plan) {
  WEFT_ASSERT(plan.steps.size() == state_->planned_steps);
  if (!same_bytes(state_->settings, desired)) plan.steps.push_back(PutSettings{desired});
  state_->planned_steps = plan.steps.size();
}

std::vector<std::uint32_t> Ledger::services() const { return state_->services.services(); }

void Ledger::plan_expired(Clock::time_point now, Plan& plan) {
  WEFT_ASSERT(plan.steps.size() == state_->planned_steps);
  state_->slots.expire(now);
  for (auto id : state_->endpoints.take_expired(now)) state_->record(plan, ClearEndpoint{id}, State::ClearUndo{id});
  state_->planned_steps = plan.steps.size();
}

void Ledger::commit(const Plan& plan, const PlanOutcome& outcome, Clock::time_point now) {
  WEFT_ASSERT(plan.steps.size() == state_->planned_steps && outcome.done <= plan.steps.size());
  state_->undo_from(outcome.done);
  for (const auto& entry : state_->journal)
    if (const auto* cleared = std::get_if<State::ClearUndo>(&entry.undo)) state_->endpoints.cleared(cleared->id);
  state_->book_simple_steps(plan, outcome.done);
  state_->sweep(now);
  std::vector<State::Entry>().swap(state_->journal);  // with its memory: a first plan is large
  state_->planned_steps = 0;
}

TableSizes Ledger::used() const {
  return {static_cast<std::uint32_t>(state_->services.size()), state_->slots.used_slots(), state_->endpoints.used(),
          static_cast<std::uint32_t>(state_->owners.rows().size()),
          static_cast<std::uint32_t>(state_->processes.size())};
}

const weft_service* Ledger::find_service(const weft_service_key& key) const { return state_->services.find(key); }

}  // namespace weft
