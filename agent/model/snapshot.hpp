// An immutable picture of everything that the sources said. Copying one is cheap: objects are shared, and each kind is
// split into shards so that a change copies one small shard and not the mesh.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/model/event.hpp"
#include "agent/model/objects.hpp"

namespace weft {

using NamespacedName = std::pair<std::string, std::string>;  // namespace, name

struct NamespacedNameHash {
  std::size_t operator()(const NamespacedName& key) const noexcept {
    auto first = std::hash<std::string>{}(key.first);
    return first ^ (std::hash<std::string>{}(key.second) + 0x9E3779B97F4A7C15ULL + (first << 6) + (first >> 2));
  }
};

// Copy-on-write map from name to V. 256 shards: at 100,000 objects a change copies about 400 entries.
template <class V, class K = NamespacedName, class H = NamespacedNameHash>
class ShardedMap {
 public:
  static constexpr std::size_t kShards = 256;
  using Shard = std::map<K, V>;

  const V* find(const K& key) const {
    const auto& shard = shards_[shard_of(key)];
    if (!shard) return nullptr;
    auto it = shard->find(key);
    return it == shard->end() ? nullptr : &it->second;
  }
  void put(const K& key, V value) {
    auto& shard = writable(shard_of(key));
    size_ += shard.insert_or_assign(key, std::move(value)).second ? 1 : 0;
  }
  bool erase(const K& key) {
    if (find(key) == nullptr) return false;
    writable(shard_of(key)).erase(key);
    --size_;
    return true;
  }
  std::size_t size() const { return size_; }
  template <class F>
  void for_each(F&& visit) const {
    for (const auto& shard : shards_)
      if (shard)
        for (const auto& [key, value] : *shard) visit(key, value);
  }
  // visit(key, old, now) for every entry of a shard that is not shared with `older`; a side that lacks it is nullptr.
  template <class F>
  void for_each_touched(const ShardedMap& older, F&& visit) const {
    static const Shard none;
    for (std::size_t i = 0; i < kShards; ++i) {
      if (shards_[i] == older.shards_[i]) continue;
      const Shard& before = older.shards_[i] ? *older.shards_[i] : none;
      const Shard& now = shards_[i] ? *shards_[i] : none;
      for (const auto& [key, value] : before)
        if (!now.contains(key)) visit(key, &value, static_cast<const V*>(nullptr));
      for (const auto& [key, value] : now) {
        auto it = before.find(key);
        visit(key, it == before.end() ? nullptr : &it->second, &value);
      }
    }
  }

 private:
  static std::size_t shard_of(const K& key) { return H{}(key) % kShards; }
  Shard& writable(std::size_t index) {
    auto& shard = shards_[index];
    if (!shard)
      shard = std::make_shared<Shard>();
    else if (shard.use_count() > 1)
      shard = std::make_shared<Shard>(*shard);
    return *shard;
  }
  std::array<std::shared_ptr<Shard>, kShards> shards_;
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
};

}  // namespace weft
