// An immutable picture of everything that the sources said. Copying one is cheap: objects are shared, and each kind is
// split into shards so that a change copies one small shard and not the mesh.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/deny_list.hpp"
#include "agent/model/event.hpp"
#include "agent/model/objects.hpp"
#include "agent/model/policy.hpp"

namespace weft {

using NamespacedName = std::pair<std::string, std::string>;  // namespace, name

inline NamespacedName workload_of(const Pod& pod) { return {pod.metadata.space, pod.owner}; }

struct NamespacedNameHash {
  std::size_t operator()(const NamespacedName& key) const noexcept {
    auto first = std::hash<std::string>{}(key.first);
    return first ^ (std::hash<std::string>{}(key.second) + 0x9E3779B97F4A7C15ULL + (first << 6) + (first >> 2));
  }
};

// Copy-on-write map from name to V, in two levels of 64: copying the map copies 64 pointers, and a change copies one
// group of 64 pointers and one shard, which holds about 25 entries at 100,000 objects.
template <class V, class K = NamespacedName, class H = NamespacedNameHash>
class ShardedMap {
 public:
  const V* find(const K& key) const {
    auto hash = H{}(key);
    const auto& group = groups_[group_of(hash)];
    if (!group) return nullptr;
    return find_in(group->at(shard_of(hash)).get(), key);
  }
  void put(const K& key, V value) {
    auto& shard = writable(H{}(key));
    auto it = lower_bound(shard, key);
    if (it != shard.end() && it->first == key) {
      it->second = std::move(value);
      return;
    }
    shard.emplace(it, key, std::move(value));
    ++size_;
  }
  bool erase(const K& key) {
    if (find(key) == nullptr) return false;
    auto& shard = writable(H{}(key));
    shard.erase(lower_bound(shard, key));
    --size_;
    return true;
  }
  std::size_t size() const { return size_; }
  template <class F>
  void for_each(F&& visit) const {
    for (const auto& group : groups_) {
      if (!group) continue;
      for (const auto& shard : *group) {
        if (!shard) continue;
        for (const auto& [key, value] : *shard) visit(key, value);
      }
    }
  }

  // visit(key, old, now) for every entry of a shard that is not shared with `older`; a side that lacks it is nullptr.
  template <class F>
  void for_each_touched(const ShardedMap& older, F&& visit) const {
    static const Shard none;
    for (std::size_t i = 0; i < kFanOut; ++i) {
      if (groups_[i] == older.groups_[i]) continue;
      for (std::size_t j = 0; j < kFanOut; ++j) {
        const Shard* before = shard_at(older.groups_[i], j, none);
        const Shard* now = shard_at(groups_[i], j, none);
        if (before != now) visit_both(*before, *now, visit);
      }
    }
  }

 private:
  static constexpr std::size_t kFanOut = 64;
  using Shard = std::vector<std::pair<K, V>>;  // sorted by key
  using Group = std::array<std::shared_ptr<Shard>, kFanOut>;

  static const Shard* shard_at(const std::shared_ptr<Group>& group, std::size_t index, const Shard& none) {
    return group && (*group)[index] ? (*group)[index].get() : &none;
  }
  template <class F>
  static void visit_both(const Shard& before, const Shard& now, F& visit) {
    const V* const absent = nullptr;
    auto old = before.begin();
    for (const auto& [key, value] : now) {
      for (; old != before.end() && old->first < key; ++old) visit(old->first, &old->second, absent);
      bool both = old != before.end() && old->first == key;
      visit(key, both ? &old->second : absent, &value);
      if (both) ++old;
    }
    for (; old != before.end(); ++old) visit(old->first, &old->second, absent);
  }
  static std::size_t group_of(std::size_t hash) { return hash % kFanOut; }
  static std::size_t shard_of(std::size_t hash) { return hash / kFanOut % kFanOut; }
  template <class S>
  static auto lower_bound(S& shard, const K& key) {
    return std::lower_bound(shard.begin(), shard.end(), key,
                            [](const auto& entry, const K& k) { return entry.first < k; });
  }
  static const V* find_in(const Shard* shard, const K& key) {
    if (shard == nullptr) return nullptr;
    auto it = lower_bound(*shard, key);
    return it == shard->end() || it->first != key ? nullptr : &it->second;
  }
  template <class T>
  static T& own(std::shared_ptr<T>& shared) {
    if (!shared)
      shared = std::make_shared<T>();
    else if (shared.use_count() > 1)
      shared = std::make_shared<T>(*shared);
    return *shared;
  }
  Shard& writable(std::size_t hash) { return own(own(groups_[group_of(hash)])[shard_of(hash)]); }

  std::array<std::shared_ptr<Group>, kFanOut> groups_;
  std::size_t size_ = 0;
};

struct SourceState {
  bool synced = false;
  std::uint64_t objects = 0;
};

// The pods and workloads that a service's selector matches, each sorted by name.
struct ServiceMembers {
  std::vector<std::shared_ptr<const Pod>> pods;
  std::vector<std::shared_ptr<const Workload>> workloads;
};

struct Snapshot {
  std::uint64_t revision = 0;
  ShardedMap<std::shared_ptr<const Namespace>> namespaces;  // keys of cluster-wide kinds have an empty namespace
  ShardedMap<std::shared_ptr<const Node>> nodes;
  ShardedMap<std::shared_ptr<const Pod>> pods;
  ShardedMap<std::shared_ptr<const Service>> services;
  ShardedMap<std::shared_ptr<const EndpointSlice>> slices;
  ShardedMap<std::shared_ptr<const Workload>> workloads;
  ShardedMap<std::shared_ptr<const NetworkPolicy>> network_policies;
  ShardedMap<std::shared_ptr<const ClusterNetworkPolicy>> cluster_policies;
  ShardedMap<std::shared_ptr<const DenyList>> deny_lists;
  ShardedMap<std::vector<std::shared_ptr<const EndpointSlice>>> slices_by_service;  // (namespace, service) → its slices
  ShardedMap<ServiceMembers> members_by_service;    // of services with a selector, also where slices make them unused
  ShardedMap<std::vector<Diagnostic>> diagnostics;  // ("", origin) → what is wrong with that file or stream
  std::map<SourceId, SourceState> sources;

  bool all_synced() const;
};

// What differs between two snapshots, so that compile need not look at the rest.
struct ChangeSet {
  bool everything = false;            // nodes changed, or this is the first snapshot
  std::set<NamespacedName> services;  // services whose own object, slices, pods or workloads changed
  bool owners = false;                // a pod, workload or node changed: the owner and process tables change
  bool policies = false;              // a policy, namespace, pod, workload or node changed, readiness apart
};

}  // namespace weft
