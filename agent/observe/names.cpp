#include "agent/observe/names.hpp"

namespace weft {
namespace {

SharedName builtin(std::string_view word) {
  return std::make_shared<const NamespacedName>(std::string(), std::string(word));
}

SharedName cached(std::unordered_map<std::uint32_t, SharedName>& cache, std::uint32_t id, const NamespacedName* found) {
  if (found == nullptr) return unknown_name();
  if (cache.size() >= NameCache::kMaxNames) cache.clear();
  return cache[id] = std::make_shared<const NamespacedName>(*found);
}

}  // namespace

std::vector<std::uint32_t> live_workloads(std::span<const std::pair<weft_owner_key, weft_owner>> owners) {
  std::vector<std::uint32_t> ids;
  ids.reserve(owners.size());
  for (const auto& [key, owner] : owners) ids.push_back(owner.workload);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

SharedName unknown_name() {
  static const SharedName name = builtin("unknown");
  return name;
}

SharedName NameCache::workload(std::uint32_t id, const NameSource& names) {
  static const SharedName world = builtin("world");
  static const SharedName host = builtin("host");
  if (id == WEFT_IDENTITY_UNKNOWN) return unknown_name();
  if (id == WEFT_IDENTITY_WORLD) return world;
  if (id == WEFT_IDENTITY_HOST) return host;
  if (auto it = workloads_.find(id); it != workloads_.end()) return it->second;
  return cached(workloads_, id, names.find_workload(id));
}

SharedName NameCache::service(std::uint32_t id, const NameSource& names) {
  if (id == 0) return nullptr;
  if (auto it = services_.find(id); it != services_.end()) return it->second;
  return cached(services_, id, names.find_service(id));
}

SharedRule NameCache::rule(std::uint32_t id, const NameSource& names) {
  if (id == 0) return nullptr;
  if (auto it = rules_.find(id); it != rules_.end()) return it->second;
  auto found = names.find_rule(id);
  if (!found) return nullptr;
  if (rules_.size() >= kMaxNames) rules_.clear();
  return rules_[id] = std::make_shared<const RuleWords>(std::move(*found));
}

std::string name_text(const NamespacedName& name) {
  return name.first.empty() ? name.second : name.first + "/" + name.second;
}

}  // namespace weft
