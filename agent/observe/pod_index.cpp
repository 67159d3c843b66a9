#include "agent/observe/pod_index.hpp"

namespace weft {
namespace {

bool owns_addresses(const Pod& pod) { return pod.running && !pod.host_network; }

bool same_pod(const Pod& one, const Pod& other) {
  return one.metadata.space == other.metadata.space && one.metadata.name == other.metadata.name;
}

}  // namespace

void PodIndex::update(const std::shared_ptr<const Snapshot>& snapshot) {
  if (snapshot == snapshot_) return;
  static const Snapshot nothing;
  const Snapshot& older = snapshot_ ? *snapshot_ : nothing;
  using PodPointer = std::shared_ptr<const Pod>;
  snapshot->pods.for_each_touched(older.pods, [&](const auto&, const PodPointer* before, const PodPointer* now) {
    if (before && now && *before == *now) return;
    if (before) remove(**before);
    if (now) add(*now);
  });
  snapshot_ = snapshot;
}

void PodIndex::remove(const Pod& pod) {
  for (const auto& address : pod.addresses)
    if (auto it = pods_.find(address); it != pods_.end() && same_pod(*it->second, pod)) pods_.erase(it);
}

void PodIndex::add(const std::shared_ptr<const Pod>& pod) {
  if (!owns_addresses(*pod)) return;
  for (const auto& address : pod->addresses) pods_[address] = pod;
}

std::shared_ptr<const Pod> PodIndex::find_pod(const IpAddress& address) const {
  auto it = pods_.find(address);
  return it == pods_.end() ? nullptr : it->second;
}

}  // namespace weft
