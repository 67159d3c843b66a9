#include "agent/model/policy_targets.hpp"

namespace weft {
namespace {

constexpr std::string_view kSpaceNameLabel = "kubernetes.io/metadata.name";

}  // namespace

PolicyTargets::PolicyTargets(const Snapshot& snapshot) {
  snapshot.pods.for_each([&](const NamespacedName& name, const std::shared_ptr<const Pod>& pod) {
    if (!pod->host_network) spaces_[name.first].targets.push_back({&pod->metadata.labels, &pod->ports});
  });
  snapshot.workloads.for_each([&](const NamespacedName& name, const std::shared_ptr<const Workload>& workload) {
    spaces_[name.first].targets.push_back({&workload->metadata.labels, &workload->ports});
  });
  snapshot.namespaces.for_each(
      [&](const NamespacedName& name, const auto& space) { spaces_[name.second].labels = space->metadata.labels; });
  for (auto& [name, space] : spaces_) space.labels.insert_or_assign(std::string(kSpaceNameLabel), name);
}

template <class F>
void PolicyTargets::for_each_selected(const PodSelection& selection, const std::string& space, F&& visit) const {
  auto visit_space = [&](const Space& held) {
    for (const auto& target : held.targets)
      if (selection.pods.matches(*target.labels)) visit(target);
  };
  if (!selection.namespaces) {
    if (auto it = spaces_.find(space); it != spaces_.end()) visit_space(it->second);
    return;
  }
  for (const auto& [name, held] : spaces_)
    if (selection.namespaces->matches(held.labels)) visit_space(held);
}

PolicyTargets::Targets PolicyTargets::selected(const PodSelection& selection, const std::string& space) const {
  Targets out;
  for_each_selected(selection, space, [&](const Target& target) { out.push_back(target); });
  return out;
}

std::size_t PolicyTargets::count(const PodSelection& selection, const std::string& space) const {
  std::size_t count = 0;
  for_each_selected(selection, space, [&](const Target&) { ++count; });
  return count;
}

}  // namespace weft
