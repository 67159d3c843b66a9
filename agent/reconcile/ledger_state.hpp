// Inside of the ledger. Plans are booked as they are made; a journal keeps how to take back each step that then does
// not get in. Private to agent/reconcile.
#pragma once

#include "agent/reconcile/endpoint_book.hpp"
#include "agent/reconcile/ledger.hpp"
#include "agent/reconcile/owner_book.hpp"
#include "agent/reconcile/service_book.hpp"
#include "agent/reconcile/slot_book.hpp"

namespace weft {

struct Ledger::State {
  using Range = SlotBook::Range;
  using Ids = std::vector<std::uint32_t>;

  struct RowUndo {
    weft_service_key key;
    std::optional<weft_service> before;
  };
  struct SlotsUndo {
    std::uint32_t first;
  };
  struct EndpointUndo {
    std::uint32_t id;
    std::optional<weft_endpoint> before;  // nothing: the id was new
  };
  struct ClearUndo {
    std::uint32_t id;
  };
  struct Entry {
    std::size_t step;  // of the plan
    std::variant<RowUndo, SlotsUndo, EndpointUndo, ClearUndo> undo;
  };

  TableSizes sizes;
  std::uint32_t last_generation;
  ServiceBook services;
  SlotBook slots;
  EndpointBook endpoints;
  OwnerBook owners;
  Table<weft_process_key, std::uint32_t> processes;
  weft_settings settings;

  std::vector<Entry> journal;
  std::size_t planned_steps = 0;  // of the plan that commit will be told of

  State(const TableSizes& sizes, const Tables& have, Clock::time_point now);

  // service_plan.cpp
  Result<> plan_service(const DesiredService& desired, bool may_remove, Clock::time_point now, Plan& plan);
  Result<Ids> plan_endpoints(std::span<const weft_endpoint> rows, Plan& plan);
  Result<std::vector<Range>> plan_sets(std::uint32_t service, const std::vector<Ids>& sets, Clock::time_point now,
                                       Plan& plan);
  Result<Range> plan_slots(std::uint32_t service, const Ids& ids, Clock::time_point now, Plan& plan);
  Result<> plan_frontend(const weft_service_key& key, const weft_service& row, Plan& plan);
  void plan_frontend_removal(const weft_service_key& key, Plan& plan);
  std::optional<Range> find_equal_range(std::uint32_t service, const Ids& ids) const;
  std::optional<weft_service> set_frontend(const weft_service_key& key, const std::optional<weft_service>& row);

  // ledger.cpp
  void record(Plan& plan, Step step, decltype(Entry::undo) undo);
  void undo_from(std::size_t step);
  void undo(const RowUndo& entry);
  void undo(const SlotsUndo& entry);
  void undo(const EndpointUndo& entry);
  void undo(const ClearUndo& entry);
  void book_simple_steps(const Plan& plan, std::size_t done);
  void sweep(Clock::time_point now);

  // repair.cpp
  void repair_endpoints(const Tables& dump, Plan& plan);
  void repair_slots(const Tables& dump, Plan& plan) const;
  void repair_services(const Tables& dump, Plan& plan) const;
  void repair_owners(const Tables& dump, Plan& plan) const;
  void repair_processes(const Tables& dump, Plan& plan) const;
};

}  // namespace weft
