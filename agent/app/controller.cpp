#include "agent/app/controller.hpp"

#include <algorithm>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr auto kExpiryPace = 1s;  // how often given-up ids are looked at

DesiredService desired_of(const CompiledService& service) {
  DesiredService desired{service.id, service.flags, service.affinity_timeout_s, {}, {}};
  for (const auto& set : service.sets) desired.sets.emplace_back(set.endpoints);
  for (const auto& frontend : service.frontends) desired.frontends.push_back({frontend.key, frontend.set});
  return desired;
}

bool makes_room(const Step& step) { return std::holds_alternative<RemoveService>(step); }

}  // namespace

Controller::Controller(const KernelTables& kernel, const TableSizes& sizes, const Tables& have, Names names,
                       NodeFacts facts, Clock::time_point now)
    : kernel_(kernel), sizes_(sizes), compiler_(std::move(names)), ledger_(sizes, have, now), facts_(std::move(facts)) {
  processes_ = have.processes;
}

void Controller::enqueue(std::vector<Event> events) {
  pending_.insert(pending_.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
}

void Controller::set_facts(NodeFacts facts) {
  if (facts == facts_) return;
  facts_ = std::move(facts);
  facts_changed_ = true;
}

void Controller::set_processes(Table<weft_process_key, std::uint32_t> processes) {
  processes_ = std::move(processes);
  processes_dirty_ = true;
}

std::uint64_t Controller::desired_revision() const { return compiled_ ? compiled_->revision : 0; }

std::string Controller::find_failure(const NamespacedName& service) const {
  auto it = failures_.find(service);
  return it == failures_.end() ? std::string() : it->second;
}

std::optional<Controller::Clock::time_point> Controller::next_due() const {
  if (facts_changed_ || owners_dirty_ || processes_dirty_ || !unplanned_.empty()) return Clock::time_point{};
  if (!retry_at_) return next_expiry_;
  return std::min(*retry_at_, next_expiry_);
}

void Controller::retry_now(Clock::time_point now) {
  if (retry_at_ || !failures_.empty() || !table_failure_.empty()) retry_at_ = now;
}

std::vector<Controller::Clock::duration> Controller::tick(Clock::time_point now) {
  std::vector<Clock::duration> waited;
  std::vector<Clock::time_point> received;
  for (const auto& event : pending_) received.push_back(event.received);
  compile_pending(now);
  if (retry_at_ && *retry_at_ <= now) {
    for (const auto& [name, reason] : failures_) unplanned_.insert(name);
    owners_dirty_ = owners_dirty_ || !table_failure_.empty();
    processes_dirty_ = processes_dirty_ || !table_failure_.empty();
    retry_at_.reset();
  }
  Plan plan;
  plan_services(now, plan);
  plan_node_tables(plan);
  if (now >= next_expiry_) {
    ledger_.plan_expired(now, plan);
    next_expiry_ = now + kExpiryPace;
  }
  auto outcome = plan.empty() ? PlanOutcome{} : kernel_.apply(plan);
  settle(plan, outcome, now);
  if (outcome.code != 0) return waited;
  auto done = Clock::now();
  for (auto at : received) waited.push_back(done - at);
  return waited;
}

void Controller::compile_pending(Clock::time_point) {
  if (pending_.empty() && !facts_changed_ && compiled_) return;
  auto folded = fold_.apply(pending_);
  pending_.clear();
  if (facts_changed_ || !compiled_) folded.changes.everything = folded.changes.owners = true;
  facts_changed_ = false;
  auto result = compiler_.compile(folded.snapshot, folded.changes, facts_);
  compiled_ = result.compiled;
  unplanned_.insert(result.changed_services.begin(), result.changed_services.end());
  owners_dirty_ = owners_dirty_ || result.owners_changed;
}

void Controller::plan_services(Clock::time_point now, Plan& plan) {
  // First what is new, then what goes: an address that moves from one service to another is never without both.
  for (const auto& name : unplanned_)
    if (compiled_->services.find(name) != nullptr) plan_one(name, false, now, plan);
  if (snapshot()->all_synced())
    for (const auto& name : unplanned_)
      if (!failures_.contains(name) || compiled_->services.find(name) == nullptr) plan_one(name, true, now, plan);
  unplanned_.clear();
  if (!failures_.empty() && std::ranges::any_of(plan.steps, makes_room)) plan_refused(now, plan);
  if (snapshot()->all_synced() && !forgotten_removed_) plan_forgotten(now, plan);
}

void Controller::plan_one(const NamespacedName& name, bool may_remove, Clock::time_point now, Plan& plan) {
  const auto* service = compiled_->services.find(name);
  Result<> planned;
  if (service != nullptr) {
    planned = ledger_.plan_service(desired_of(**service), may_remove, now, plan);
    ids_[name] = (*service)->id;
  } else if (auto id = ids_.find(name); may_remove && id != ids_.end()) {
    planned = ledger_.plan_service_removal(id->second, now, plan);
    if (planned) ids_.erase(id);
  }
  if (planned)
    failures_.erase(name);
  else
    failures_[name] = planned.error().what;
}

// What did not fit may fit where something went.
void Controller::plan_refused(Clock::time_point now, Plan& plan) {
  std::vector<NamespacedName> refused;
  for (const auto& [name, reason] : failures_) refused.push_back(name);
  for (const auto& name : refused) plan_one(name, true, now, plan);
}

// What an earlier agent programmed and no source names any more. Frontends that could not be removed before everything
// had synced are planned again with it.
void Controller::plan_forgotten(Clock::time_point now, Plan& plan) {
  std::set<std::uint32_t> known;
  compiled_->services.for_each([&](const NamespacedName& name, const auto& service) {
    known.insert(service->id);
    if (!failures_.contains(name)) plan_one(name, true, now, plan);
  });
  for (auto id : ledger_.services()) {
    if (known.contains(id)) continue;
    if (auto removed = ledger_.plan_service_removal(id, now, plan); !removed) table_failure_ = removed.error().what;
  }
  owners_dirty_ = true;
  forgotten_removed_ = true;
}

void Controller::plan_node_tables(Plan& plan) {
  if (owners_dirty_ && compiled_->owners) {
    auto planned = ledger_.plan_owners(*compiled_->owners, snapshot()->all_synced(), plan);
    table_failure_ = planned ? "" : planned.error().what;
    owners_dirty_ = false;
  }
  if (processes_dirty_) {
    if (auto planned = ledger_.plan_processes(processes_, plan); !planned) table_failure_ = planned.error().what;
    processes_dirty_ = false;
  }
  auto settings = compiled_->settings;
  settings.process_owners = processes_.empty() ? 0 : 1;
  ledger_.plan_settings(settings, plan);
}

void Controller::settle(const Plan& plan, const PlanOutcome& outcome, Clock::time_point now) {
  ledger_.commit(plan, outcome, now);
  if (outcome.code != 0) {
    table_failure_ = outcome.what;
    owners_dirty_ = processes_dirty_ = true;
    forgotten_removed_ = false;
    retry_at_ = backoff_.next(now);
    // What got in is not told per service: all are planned again, and what is in place costs no step.
    compiled_->services.for_each(
        [&](const NamespacedName& name, const auto&) { failures_.emplace(name, outcome.what); });
    return;
  }
  if (failures_.empty() && table_failure_.empty()) {
    backoff_.reset();
    retry_at_.reset();
  } else if (!retry_at_) {
    retry_at_ = backoff_.next(now);
  }
  applied_revision_ = compiled_->revision;
  first_full_apply_ = first_full_apply_ || snapshot()->all_synced();
}

Result<std::size_t> Controller::repair(Clock::time_point now) {
  auto plan = ledger_.plan_repair(WEFT_TRY(kernel_.dump()), now);
  auto outcome = plan.empty() ? PlanOutcome{} : kernel_.apply(plan);
  ledger_.commit(plan, outcome, now);
  if (outcome.code != 0) return fail(outcome.code, outcome.what);
  return plan.steps.size();
}

}  // namespace weft
