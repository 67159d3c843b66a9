// Typed access to BPF maps by descriptor. Sizes were checked when the object was loaded; errors carry errno as the
// kernel gave it: E2BIG from a full hash, ENOENT for a missing key.
#pragma once

#include <bpf/bpf.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "agent/base/result.hpp"

namespace weft {

// Entries of one batch call; of large values fewer, so that reading edges, every second, takes no megabytes.
inline constexpr std::uint32_t kMapBatch = 4096;
inline constexpr std::size_t kMapBatchBytes = 256 * 1024;
inline constexpr std::size_t kLeastMapBatch = 64;

template <class K, class V>
class Map {
  static_assert(std::has_unique_object_representations_v<K>, "padding would make equal keys differ");
  static_assert(std::is_trivially_copyable_v<V>);

 public:
  Map() = default;
  explicit Map(int fd) : fd_(fd) {}

  Result<> put(const K& key, const V& value) const {
    if (::bpf_map_update_elem(fd_, &key, &value, BPF_ANY) != 0) return fail_errno(errno, "update map");
    return {};
  }
  // An absent key is no error.
  Result<> erase(const K& key) const {
    if (::bpf_map_delete_elem(fd_, &key) != 0 && errno != ENOENT) return fail_errno(errno, "delete from map");
    return {};
  }
  Result<std::uint32_t> max_entries() const {
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fd_, &info, &size) != 0) return fail_errno(errno, "read map information");
    return info.max_entries;
  }
  bool find(const K& key, V& value) const { return ::bpf_map_lookup_elem(fd_, &key, &value) == 0; }

  // Writes entries in order; returns how many got in. errno tells why not all.
  std::size_t put_many(const std::vector<K>& keys, const std::vector<V>& values) const {
    auto count = static_cast<std::uint32_t>(keys.size());
    if (count == 0) return 0;
    if (::bpf_map_update_batch(fd_, keys.data(), values.data(), &count, nullptr) == 0) return keys.size();
    return count == keys.size() ? 0 : count;  // untouched: the call failed before its first entry
  }

  // visit(key, value) of every entry. Entries that come or go meanwhile may be missed or seen; a batch that the kernel
  // finds too small grows.
  template <class F>
  Result<> for_each(F&& visit) const {
    return walk(1, [&](const K& key, const V* values) { visit(key, values[0]); });
  }

 protected:
  template <class F>
  Result<> walk(unsigned values_per_key, F&& visit) const {
    auto entry_bytes = sizeof(K) + sizeof(V) * values_per_key;
    std::vector<K> keys(std::clamp<std::size_t>(kMapBatchBytes / entry_bytes, kLeastMapBatch, kMapBatch));
    std::vector<V> values(keys.size() * values_per_key);
    std::vector<unsigned char> position(std::max<std::size_t>(sizeof(K), 8));
    void* in = nullptr;
    while (true) {
      std::uint32_t count = static_cast<std::uint32_t>(keys.size());
      int failed = ::bpf_map_lookup_batch(fd_, in, position.data(), keys.data(), values.data(), &count, nullptr);
      int problem = errno;
      if (failed != 0 && problem == ENOSPC) {
        keys.resize(keys.size() * 2);
        values.resize(keys.size() * values_per_key);
        continue;
      }
      if (failed != 0 && problem != ENOENT) return fail_errno(problem, "read map");
      for (std::uint32_t i = 0; i < count; ++i) visit(keys[i], &values[std::size_t{i} * values_per_key]);
      if (failed != 0) return {};
      in = position.data();
    }
  }

  int fd_ = -1;
};

// A per-CPU map; V is one processor's value and has a size that is a multiple of 8.
template <class K, class V>
class PerCpuMap : private Map<K, V> {
  static_assert(sizeof(V) % 8 == 0, "the kernel rounds per-CPU values up to 8 bytes");

 public:
  PerCpuMap() = default;
  PerCpuMap(int fd, unsigned cpus) : Map<K, V>(fd), cpus_(cpus) {}

  using Map<K, V>::erase;

  // visit(key, values of all processors)
  template <class F>
  Result<> for_each(F&& visit) const {
    return this->walk(cpus_, std::forward<F>(visit));
  }
  std::vector<V> get(const K& key) const {
    std::vector<V> values(cpus_);
    if (::bpf_map_lookup_elem(this->fd_, &key, values.data()) != 0) values.clear();
    return values;
  }
  Result<> put_all(const K& key, const V& value) const {
    std::vector<V> values(cpus_, value);
    if (::bpf_map_update_elem(this->fd_, &key, values.data(), BPF_NOEXIST) != 0 && errno != EEXIST)
      return fail_errno(errno, "update map");
    return {};
  }
  unsigned cpus() const { return cpus_; }

 private:
  unsigned cpus_ = 0;
};

}  // namespace weft
