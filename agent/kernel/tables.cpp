#include "agent/kernel/tables.hpp"

#include <cerrno>
#include <system_error>

#include "agent/kernel/object.hpp"

namespace weft {

// Collects steps of one kind until another kind follows, then writes them in one call.
struct StepWriter {
  explicit StepWriter(const KernelTables& into) : tables(into) {}

  const KernelTables& tables;
  std::size_t written = 0;  // steps
  int code = 0;
  const char* table = "";

  std::vector<std::uint32_t> endpoint_ids;
  std::vector<weft_endpoint> endpoint_rows;
  std::vector<weft_service_key> service_keys;
  std::vector<weft_service> service_rows;

  bool flush() {
    return code == 0 && flush_run("weft_endpoints", tables.endpoints_, endpoint_ids, endpoint_rows) &&
           flush_run("weft_services", tables.services_, service_keys, service_rows);
  }

  template <class K, class V>
  bool flush_run(const char* name, const Map<K, V>& map, std::vector<K>& keys, std::vector<V>& rows) {
    if (keys.empty()) return true;
    auto done = map.put_many(keys, rows);
    if (done < keys.size()) code = errno, table = name;
    written += done;
    keys.clear();
    rows.clear();
    return code == 0;
  }

  bool single(const char* name, Result<> result) {
    if (result) return ++written, true;
    code = result.error().code;
    table = name;
    return false;
  }

  bool put_endpoint(std::uint32_t id, const weft_endpoint& row) {
    if (!service_keys.empty() && !flush()) return false;
    endpoint_ids.push_back(id);
    endpoint_rows.push_back(row);
    return endpoint_ids.size() < kMapBatch || flush();
  }
  bool operator()(const PutEndpoint& step) { return put_endpoint(step.id, step.row); }
  bool operator()(const ClearEndpoint& step) { return put_endpoint(step.id, weft_endpoint{}); }
  bool operator()(const PutService& step) {
    if (!endpoint_ids.empty() && !flush()) return false;
    service_keys.push_back(step.key);
    service_rows.push_back(step.row);
    return service_keys.size() < kMapBatch || flush();
  }
  bool operator()(const PutSlots& step) {
    if (!flush()) return false;
    std::vector<std::uint32_t> indexes(step.endpoints.size());
    for (std::size_t i = 0; i < indexes.size(); ++i) indexes[i] = step.first + static_cast<std::uint32_t>(i);
    if (tables.slots_.put_many(indexes, step.endpoints) < indexes.size())
      return code = errno, table = "weft_slots", false;
    return ++written, true;
  }
  bool operator()(const RemoveService& step) {
    return flush() && single("weft_services", tables.services_.erase(step.key));
  }
  bool operator()(const PutOwner& step) {
    return flush() && single("weft_owners", tables.owners_.put(step.key, step.row));
  }
  bool operator()(const RemoveOwner& step) { return flush() && single("weft_owners", tables.owners_.erase(step.key)); }
  bool operator()(const PutProcess& step) {
    return flush() && single("weft_processes", tables.processes_.put(step.key, step.workload));
  }
  bool operator()(const RemoveProcess& step) {
    return flush() && single("weft_processes", tables.processes_.erase(step.key));
  }
  bool operator()(const PutSettings& step) {
    return flush() && single("weft_settings", tables.settings_.put(0, step.row));
  }
};

KernelTables::KernelTables(const BpfObject& object)
    : services_(object.map_fd("weft_services")),
      slots_(object.map_fd("weft_slots")),
      endpoints_(object.map_fd("weft_endpoints")),
      owners_(object.map_fd("weft_owners")),
      processes_(object.map_fd("weft_processes")),
      settings_(object.map_fd("weft_settings")) {}

PlanOutcome KernelTables::apply(const Plan& plan) const {
  StepWriter writer(*this);
  bool whole = true;
  for (const auto& step : plan.steps)
    if (!(whole = std::visit(writer, step))) break;
  if (whole) writer.flush();
  PlanOutcome outcome{writer.written, writer.code, ""};
  if (writer.code != 0)
    outcome.what = "write " + std::string(writer.table) + ": " + std::generic_category().message(writer.code);
  return outcome;
}

Result<Tables> KernelTables::dump() const {
  Tables tables;
  auto into = [](auto& table) { return [&table](const auto& key, const auto& row) { table.emplace(key, row); }; };
  WEFT_TRY_AS("weft_services", services_.for_each(into(tables.services)));
  // Arrays are read in the order of their indexes, and most of their rows are empty.
  WEFT_TRY_AS("weft_slots", slots_.for_each([&](std::uint32_t index, std::uint32_t id) {
    if (id != 0) tables.slots.emplace_hint(tables.slots.end(), index, id);
  }));
  WEFT_TRY_AS("weft_endpoints", endpoints_.for_each([&](std::uint32_t id, const weft_endpoint& row) {
    if (row.port != 0) tables.endpoints.emplace_hint(tables.endpoints.end(), id, row);
  }));
  WEFT_TRY_AS("weft_owners", owners_.for_each(into(tables.owners)));
  WEFT_TRY_AS("weft_processes", processes_.for_each(into(tables.processes)));
  settings_.find(0, tables.settings);
  return tables;
}

}  // namespace weft
