#include "agent/app/pod_binding.hpp"

#include <algorithm>

namespace weft {
namespace {

bool is_local(const Pod& pod, const std::string& node) {
  return pod.node == node && !pod.host_network && pod.running && !pod.addresses.empty();
}

LocalPod make_local(const Pod& pod) {
  return {pod.metadata.uid, pod.owner, {pod.addresses.begin(), pod.addresses.end()}};
}

struct Binder {
  const Bindings& before;
  const PodRows& rows;
  const InterfaceTable& table;
  const LocalPods& pods;
  bool all_known;
  std::map<NamespacedName, std::int32_t> homes;  // of pods that have an interface: its namespace

  // A pod that lives elsewhere already is not here, whatever address this namespace has.
  const NamespacedName* candidate(const IpAddress& address, std::int32_t netns_id) const {
    const auto* owner = pods.find_owner(address);
    if (owner == nullptr) return nullptr;
    auto home = homes.find(*owner);
    return home == homes.end() || home->second == netns_id ? owner : nullptr;
  }

  const Binding* find_kept(std::uint32_t index, std::int32_t netns_id) const {
    auto known = before.find(index);
    if (known == before.end() || known->second.netns_id != netns_id) return nullptr;
    const auto* pod = pods.find(known->second.pod);
    bool lives = pod != nullptr && pod->uid == known->second.uid;
    return lives || (pod == nullptr && !all_known) ? &known->second : nullptr;
  }

  const NamespacedName* find_by_rows(std::uint32_t index, std::int32_t netns_id) const {
    auto row = rows.interfaces.find(index);
    if (row == rows.interfaces.end() || row->second != netns_id) return nullptr;
    for (auto source = rows.sources.lower_bound({index, {}}); source != rows.sources.end() && source->first == index;
         ++source)
      if (const auto* pod = candidate(source->second, netns_id)) return pod;
    return nullptr;
  }

  // Those of the other half come before what else the namespace has.
  const NamespacedName* find_by_addresses(const PodInterface& veth) const {
    for (bool other_half : {true, false})
      for (const auto& [interface, address] : table.addresses(veth.netns_id))
        if ((interface == veth.peer_index) == other_half)
          if (const auto* pod = candidate(address, veth.netns_id)) return pod;
    return nullptr;
  }

  Bindings bind() {
    Bindings bound;
    for (const auto& [index, veth] : table.interfaces())
      if (const auto* kept = veth.netns_id == kOwnNamespace ? nullptr : find_kept(index, veth.netns_id)) {
        bound.emplace(index, *kept);
        homes.emplace(kept->pod, veth.netns_id);
      }
    for (bool by_rows : {true, false})
      for (const auto& [index, veth] : table.interfaces()) {
        if (veth.netns_id == kOwnNamespace || bound.contains(index)) continue;
        const auto* pod = by_rows ? find_by_rows(index, veth.netns_id) : find_by_addresses(veth);
        if (pod == nullptr) continue;
        bound.emplace(index, Binding{veth.netns_id, *pod, pods.find(*pod)->uid});
        homes.emplace(*pod, veth.netns_id);
      }
    return bound;
  }
};

}  // namespace

const LocalPod* LocalPods::find(const NamespacedName& name) const {
  auto found = pods_.find(name);
  return found == pods_.end() ? nullptr : &found->second;
}

const NamespacedName* LocalPods::find_owner(const IpAddress& address) const {
  auto found = by_address_.lower_bound({address, {}});
  return found == by_address_.end() || found->first != address ? nullptr : &found->second;
}

void LocalPods::put(const NamespacedName& name, const LocalPod& pod) {
  erase(name);
  for (const auto& address : pod.addresses) by_address_.emplace(address, name);
  pods_.emplace(name, pod);
}

void LocalPods::erase(const NamespacedName& name) {
  auto known = pods_.find(name);
  if (known == pods_.end()) return;
  for (const auto& address : known->second.addresses) by_address_.erase({address, name});
  pods_.erase(known);
}

bool LocalPods::update(const Snapshot& before, const Snapshot& now, const std::string& node) {
  bool changed = false;
  now.pods.for_each_touched(before.pods, [&](const NamespacedName& name, const auto*, const auto* pod) {
    const auto* known = find(name);
    if (pod == nullptr || !is_local(**pod, node)) {
      changed = changed || known != nullptr;
      erase(name);
      return;
    }
    auto local = make_local(**pod);
    if (known != nullptr && *known == local) return;
    put(name, local);
    changed = true;
  });
  return changed;
}

Bindings bind_interfaces(const Bindings& before, const PodRows& rows, const InterfaceTable& table,
                         const LocalPods& pods, bool all_known) {
  return Binder{before, rows, table, pods, all_known, {}}.bind();
}

}  // namespace weft
