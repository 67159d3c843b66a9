#include "agent/app/names_store.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/app/state_file.hpp"

namespace weft {
namespace {

std::size_t count(const Names& names) { return names.workloads.size() + names.services.size() + names.zones.size(); }

UsedIds used_ids(const Tables& maps, const std::vector<weft_edge_key>& edges) {
  UsedIds used;
  for (const auto& [key, service] : maps.services) used.services.insert(service.service);
  for (const auto& [id, endpoint] : maps.endpoints)
    used.workloads.insert(endpoint.workload), used.zones.insert(endpoint.zone);
  for (const auto& [key, owner] : maps.owners) used.workloads.insert(owner.workload), used.zones.insert(owner.zone);
  for (const auto& [key, workload] : maps.processes) used.workloads.insert(workload);
  for (const auto& edge : edges) {
    used.workloads.insert(edge.source);
    used.workloads.insert(edge.destination);
    used.services.insert(edge.service);
  }
  return used;
}

}  // namespace

Result<NamesStore> NamesStore::open(const std::filesystem::path& directory) {
  std::error_code problem;
  std::filesystem::create_directories(directory.parent_path(), problem);
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
    return fail_errno(errno, "state.dir: cannot create " + directory.string());
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return fail_errno(errno, "state.dir: cannot write to " + directory.string());
  return NamesStore(directory);
}

Result<Names> NamesStore::load(const Tables& maps, const std::vector<weft_edge_key>& edges) const {
  auto text = read_file(file_);
  if (!text) return Names{};
  auto names = names_from_text(*text);
  if (names) return forget_unused(*names, used_ids(maps, edges));
  return put_aside(file_, std::move(names).error());
}

Result<> NamesStore::save(const std::shared_ptr<const Names>& names) {
  if (!names || names == saved_ || (saved_ && count(*names) == saved_count_)) return {};
  WEFT_TRY(replace_file(file_, names_to_text(*names)));
  saved_ = names;
  saved_count_ = count(*names);
  return {};
}

Result<RuleNames> NamesStore::load_rules() const {
  auto text = read_file(rules_file_);
  if (!text) return RuleNames{};
  auto rules = rule_names_from_text(*text);
  if (rules) return rules;
  return put_aside(rules_file_, std::move(rules).error());
}

Result<> NamesStore::save_rules(const std::shared_ptr<const RuleNames>& rules) {
  if (!rules || rules == saved_rules_) return {};
  WEFT_TRY(replace_file(rules_file_, rule_names_to_text(*rules)));
  saved_rules_ = rules;
  return {};
}

}  // namespace weft
