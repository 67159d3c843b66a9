#include "agent/app/mitigation_state.hpp"

#include <nlohmann/json.hpp>

namespace weft {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::size_t kMostBytes = 16u << 20;

json with_caller(json entry, const Caller& by) {
  entry["uid"] = by.uid;
  entry["pid"] = by.pid;
  return entry;
}

Caller caller_of(const json& entry) { return {entry.at("uid").get<uid_t>(), entry.at("pid").get<pid_t>()}; }

json denied_to_json(const MitigationState& state) {
  auto list = json::array();
  for (const auto& [cidr, entry] : state.denied)
    list.push_back(with_caller(
        {{"cidr", cidr.text()}, {"addedNs", entry.added_ns}, {"untilNs", entry.until_ns}, {"reason", entry.reason}},
        entry.by));
  return list;
}

json seen_to_json(const MitigationState& state) {
  auto list = json::array();
  for (const auto& [name, seen] : state.seen)
    list.push_back({{"name", name}, {"contents", seen.contents}, {"sinceNs", seen.since_ns}});
  return list;
}

json quarantined_to_json(const MitigationState& state) {
  auto list = json::array();
  for (const auto& [name, order] : state.quarantined)
    list.push_back(with_caller(
        {{"namespace", name.first}, {"workload", name.second}, {"sinceNs", order.since_ns}, {"reason", order.reason}},
        order.by));
  return list;
}

json audit_to_json(const MitigationState& state) {
  auto list = json::array();
  for (const auto& record : state.audit)
    list.push_back(with_caller(
        {{"timeNs", record.time_ns}, {"action", record.action}, {"subject", record.subject}, {"detail", record.detail}},
        record.by));
  return list;
}

Result<> read_denied(const json& list, MitigationState& state) {
  for (const auto& entry : list)
    state.denied[WEFT_TRY(Cidr::parse(entry.at("cidr").get<std::string>()))] = {
        entry.at("addedNs").get<std::int64_t>(), entry.at("untilNs").get<std::int64_t>(), caller_of(entry),
        entry.at("reason").get<std::string>()};
  return {};
}

void read_rest(const json& file, MitigationState& state) {
  for (const auto& entry : file.at("seen"))
    state.seen[entry.at("name").get<std::string>()] = {entry.at("contents").get<std::uint64_t>(),
                                                       entry.at("sinceNs").get<std::int64_t>()};
  for (const auto& entry : file.at("quarantined"))
    state.quarantined[{entry.at("namespace").get<std::string>(), entry.at("workload").get<std::string>()}] = {
        entry.at("sinceNs").get<std::int64_t>(), caller_of(entry), entry.at("reason").get<std::string>()};
  for (const auto& entry : file.at("audit"))
    state.note({entry.at("timeNs").get<std::int64_t>(), caller_of(entry), entry.at("action").get<std::string>(),
                entry.at("subject").get<std::string>(), entry.at("detail").get<std::string>()});
}

Result<MitigationState> read_state(std::string_view text) {
  auto file = json::parse(text);
  if (file.at("version") != kVersion) return fail("it was written by another version of weft");
  MitigationState state;
  WEFT_TRY(read_denied(file.at("denied"), state));
  read_rest(file, state);
  return state;
}

}  // namespace

void MitigationState::note(AuditRecord record) {
  audit.push_back(std::move(record));
  while (audit.size() > kMostAudit) audit.pop_front();
}

std::string mitigations_to_text(const MitigationState& state) {
  json file{{"version", kVersion},
            {"denied", denied_to_json(state)},
            {"seen", seen_to_json(state)},
            {"quarantined", quarantined_to_json(state)},
            {"audit", audit_to_json(state)}};
  return file.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

Result<MitigationState> mitigations_from_text(std::string_view text) {
  if (text.size() > kMostBytes) return fail("it is too large");
  try {
    return read_state(text);
  } catch (const json::exception& error) {
    return fail(error.what());
  }
}

}  // namespace weft
