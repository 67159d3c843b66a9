#include "agent/kernel/policy_tables.hpp"

#include <cerrno>
#include <system_error>

#include "agent/kernel/object.hpp"

namespace weft {

struct PolicyStepWriter {
  const KernelPolicyTables& tables;
  int code = 0;
  const char* table = "";

  template <class K, class V>
  bool put(const char* name, const Map<K, V>& map, const std::vector<std::pair<K, V>>& rows) {
    std::vector<K> keys;
    std::vector<V> values;
    for (std::size_t first = 0; first < rows.size(); first += kMapBatch) {
      keys.clear();
      values.clear();
      for (std::size_t i = first; i < std::min(rows.size(), first + kMapBatch); ++i) {
        keys.push_back(rows[i].first);
        values.push_back(rows[i].second);
      }
      if (map.put_many(keys, values) < keys.size()) return refused(name, errno);
    }
    return true;
  }
  template <class V>
  bool put_one(const char* name, const Map<std::uint32_t, V>& map, std::uint32_t key, const V& row) {
    auto written = map.put(key, row);
    return written ? true : refused(name, written.error().code);
  }
  template <class K, class V>
  bool remove(const char* name, const Map<K, V>& map, const std::vector<K>& keys) {
    for (const auto& key : keys)
      if (auto erased = map.erase(key); !erased) return refused(name, erased.error().code);
    return true;
  }
  bool refused(const char* name, int why) {
    code = why;
    table = name;
    return false;
  }

  bool operator()(const PutPolicyRows& step) { return put("weft_policy", tables.rows_, step.rows); }
  bool operator()(const RemovePolicyRows& step) { return remove("weft_policy", tables.rows_, step.keys); }
  bool operator()(const PutSubject& step) { return put_one("weft_subjects", tables.subjects_, step.id, step.row); }
  bool operator()(const RemoveSubject& step) {
    return remove("weft_subjects", tables.subjects_, std::vector<std::uint32_t>{step.id});
  }
  bool operator()(const PutNetworks& step) { return put("weft_networks", tables.networks_, step.rows); }
  bool operator()(const RemoveNetworks& step) { return remove("weft_networks", tables.networks_, step.keys); }
  bool operator()(const PutPeers& step) { return put("weft_peers", tables.peers_, step.rows); }
  bool operator()(const RemovePeers& step) { return remove("weft_peers", tables.peers_, step.keys); }
  bool operator()(const PutPolicyState& step) { return put_one("weft_policy_state", tables.state_, 0, step.row); }
};

KernelPolicyTables::KernelPolicyTables(const BpfObject& object)
    : rows_(object.map_fd("weft_policy")),
      subjects_(object.map_fd("weft_subjects")),
      peers_(object.map_fd("weft_peers")),
      networks_(object.map_fd("weft_networks")),
      state_(object.map_fd("weft_policy_state")),
      explain_program_(object.program_fd("weft_explain")) {}

Result<PolicySizes> KernelPolicyTables::sizes() const {
  return PolicySizes{WEFT_TRY(rows_.max_entries()), WEFT_TRY(subjects_.max_entries()), WEFT_TRY(peers_.max_entries()),
                     WEFT_TRY(networks_.max_entries())};
}

Result<> KernelPolicyTables::assume_subjects() const {
  WEFT_TRY_AS("weft_policy_state", state_.put(0, weft_policy_state{}));
  return {};
}

Result<PolicyDump> KernelPolicyTables::dump() const {
  PolicyDump dump;
  auto into = [](auto& list) { return [&list](const auto& key, const auto& row) { list.emplace_back(key, row); }; };
  WEFT_TRY_AS("weft_policy", rows_.for_each(into(dump.rows)));
  WEFT_TRY_AS("weft_subjects", subjects_.for_each([&](auto id, const auto& row) { dump.subjects.emplace(id, row); }));
  WEFT_TRY_AS("weft_peers", peers_.for_each(into(dump.peers)));
  WEFT_TRY_AS("weft_networks", networks_.for_each(into(dump.networks)));
  WEFT_TRY_AS("weft_policy_state", state_.for_each([&](auto, const auto& row) { dump.state = row; }));
  return dump;
}

PlanOutcome KernelPolicyTables::apply(const PolicyPlan& plan) const {
  PolicyStepWriter writer{*this};
  PlanOutcome outcome;
  for (const auto& step : plan.steps) {
    if (!std::visit(writer, step)) break;
    ++outcome.done;
  }
  outcome.code = writer.code;
  if (writer.code != 0)
    outcome.what = "write " + std::string(writer.table) + ": " + std::generic_category().message(writer.code);
  return outcome;
}

Result<> KernelPolicyTables::explain(std::span<weft_explain_request> requests) const {
  if (explain_program_ < 0) return fail(ENOTSUP, "policy is off on this kernel: see `weft check`");
  for (auto& request : requests) {
    weft_explain_request answer{};
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = &request, .data_out = &answer, .data_size_in = sizeof request,
                .data_size_out = sizeof answer);
    if (::bpf_prog_test_run_opts(explain_program_, &options) != 0) return fail_errno(errno, "ask the loaded policy");
    request = answer;
  }
  return {};
}

}  // namespace weft
