// Steps for one service, in the order that keeps every prefix consistent: endpoints, slots, frontends, removals.
#include <fmt/format.h>

#include <algorithm>

#include "agent/reconcile/ledger_state.hpp"

namespace weft {
namespace {

std::unexpected<Error> table_full(const char* table, std::uint32_t most) {
  return fail(ENOSPC, fmt::format("the table of {} is full ({} entries): raise datapath.maps.{}", table, most, table));
}

}  // namespace

Result<> Ledger::State::plan_service(const DesiredService& desired, bool may_remove, Clock::time_point now,
                                     Plan& plan) {
  std::vector<bool> is_used(desired.sets.size());
  for (const auto& frontend : desired.frontends) {
    WEFT_ASSERT(frontend.set < desired.sets.size());
    is_used[frontend.set] = true;
  }
  std::vector<Ids> ids(desired.sets.size());
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (is_used[i]) ids[i] = WEFT_TRY(plan_endpoints(desired.sets[i], plan));
  auto ranges = WEFT_TRY(plan_sets(desired.service, ids, now, plan));
  ServiceBook::Keys wanted;
  for (const auto& frontend : desired.frontends) {
    const auto& range = ranges[frontend.set];
    weft_service row{desired.service, range.first, range.count,     desired.affinity_timeout_s,
                     desired.flags,   0,           range.generation};
    WEFT_TRY(plan_frontend(frontend.key, row, plan));
    wanted.push_back(frontend.key);
  }
  if (!may_remove) return {};
  std::sort(wanted.begin(), wanted.end(), ByteLess<weft_service_key>{});
  for (const auto& key : ServiceBook::Keys(services.keys_of(desired.service)))
    if (!std::binary_search(wanted.begin(), wanted.end(), key, ByteLess<weft_service_key>{}))
      plan_frontend_removal(key, plan);
  return {};
}

Result<Ledger::State::Ids> Ledger::State::plan_endpoints(std::span<const weft_endpoint> rows, Plan& plan) {
  Ids ids;
  ids.reserve(rows.size());
  for (const auto& row : rows) {
    auto id = endpoints.find(row);
    if (!id) {
      id = endpoints.take(row);
      if (!id) return table_full("endpoints", sizes.endpoints);
      record(plan, PutEndpoint{*id, row}, EndpointUndo{*id, std::nullopt});
    } else if (!same_bytes(endpoints.row(*id), row)) {
      record(plan, PutEndpoint{*id, row}, EndpointUndo{*id, endpoints.row(*id)});
      endpoints.set_row(*id, row);
    }
    ids.push_back(*id);
  }
  return ids;
}

Result<std::vector<Ledger::State::Range>> Ledger::State::plan_sets(std::uint32_t service, const std::vector<Ids>& sets,
                                                                   Clock::time_point now, Plan& plan) {
  std::vector<Range> ranges;
  for (const auto& ids : sets) {
    auto equal = std::find(sets.begin(), sets.begin() + static_cast<std::ptrdiff_t>(ranges.size()), ids);
    auto index = static_cast<std::size_t>(equal - sets.begin());
    if (ids.empty())
      ranges.push_back({0, 0});
    else if (index < ranges.size())
      ranges.push_back(ranges[index]);
    else
      ranges.push_back(WEFT_TRY(plan_slots(service, ids, now, plan)));
  }
  return ranges;
}

Result<Ledger::State::Range> Ledger::State::plan_slots(std::uint32_t service, const Ids& ids, Clock::time_point now,
                                                       Plan& plan) {
  if (auto range = find_equal_range(service, ids)) return *range;
  auto first = slots.take(ids, now);
  if (!first) return table_full("slots", sizes.slots);
  for (auto id : ids) endpoints.add_user(id);
  record(plan, PutSlots{*first, ids}, SlotsUndo{*first});
  return Range{*first, static_cast<std::uint32_t>(ids.size()), ++last_generation};
}

std::optional<Ledger::State::Range> Ledger::State::find_equal_range(std::uint32_t service, const Ids& ids) const {
  for (const auto& key : services.keys_of(service)) {
    const auto* row = services.find(key);
    Range range{row->first_slot, row->slot_count, row->generation};
    if (slots.holds(range, ids)) return range;
  }
  return std::nullopt;
}

Result<> Ledger::State::plan_frontend(const weft_service_key& key, const weft_service& row, Plan& plan) {
  const auto* have = services.find(key);
  if (have != nullptr && same_bytes(*have, row)) return {};
  if (have == nullptr && services.size() >= sizes.services) return table_full("services", sizes.services);
  auto before = set_frontend(key, row);
  record(plan, PutService{key, row}, RowUndo{key, before});
  return {};
}

void Ledger::State::plan_frontend_removal(const weft_service_key& key, Plan& plan) {
  auto before = set_frontend(key, std::nullopt);
  record(plan, RemoveService{key}, RowUndo{key, before});
}

std::optional<weft_service> Ledger::State::set_frontend(const weft_service_key& key,
                                                        const std::optional<weft_service>& row) {
  if (row && row->slot_count > 0) slots.add_user(row->first_slot);
  auto before = services.set(key, row);
  if (before && before->slot_count > 0) slots.drop_user(before->first_slot);
  return before;
}

}  // namespace weft
