#include "agent/kernel/migrate.hpp"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <set>
#include <vector>

#include "weft/abi/flow.h"

namespace weft {
namespace {

Result<bpf_map_info> info_of(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof info;
  if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return fail_errno(errno, "read map information");
  return info;
}

bool is_per_cpu(std::uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

constexpr std::uint32_t kArrayBatch = 4096;

// Hundreds of thousands of rows: a system call for each would take seconds.
Result<Copied> copy_array(int from_fd, int to_fd, std::size_t value_size, std::uint32_t entries) {
  std::vector<std::uint32_t> keys(kArrayBatch);
  std::vector<unsigned char> values(kArrayBatch * value_size);
  Copied copied;
  std::uint32_t position = 0;
  void* in = nullptr;
  while (copied.entries < entries) {
    auto count = std::min<std::uint32_t>(kArrayBatch, entries - static_cast<std::uint32_t>(copied.entries));
    if (::bpf_map_lookup_batch(from_fd, in, &position, keys.data(), values.data(), &count, nullptr) != 0 &&
        errno != ENOENT)
      return fail_errno(errno, "read map");
    if (count == 0) break;
    if (::bpf_map_update_batch(to_fd, keys.data(), values.data(), &count, nullptr) != 0)
      return fail_errno(errno, "write map");
    copied.entries += count;
    in = &position;
  }
  return copied;
}

// What differs between two maps of equal shape.
struct Shape {
  std::uint32_t type = 0;
  std::size_t key_size = 0;
  std::size_t width = 0;  // of a value, for all processors
};

Result<Shape> common_shape(const PinnedMap& map, const bpf_map_info& from, const bpf_map_info& to, unsigned cpus) {
  if (from.type != to.type || from.key_size != to.key_size || from.value_size != to.value_size)
    return fail("map " + std::string(map.name) + ": no conversion from " + std::to_string(from.value_size) + " to " +
                std::to_string(to.value_size) + " bytes a value");
  auto each = std::size_t{(from.value_size + 7) & ~7U};
  return Shape{from.type, from.key_size, is_per_cpu(from.type) ? each * cpus : from.value_size};
}

template <class F>
void walk(int fd, const Shape& shape, F&& visit) {
  std::vector<unsigned char> key(shape.key_size), next(shape.key_size), value(shape.width);
  const void* previous = nullptr;
  while (::bpf_map_get_next_key(fd, previous, next.data()) == 0) {
    key = next;
    previous = key.data();
    if (::bpf_map_lookup_elem(fd, key.data(), value.data()) == 0) visit(key, value);  // else gone meanwhile
  }
}

void add_histogram(weft_histogram& into, const weft_histogram& now, const weft_histogram& before) {
  into.sum_us += now.sum_us - before.sum_us;
  for (std::size_t i = 0; i < WEFT_HISTOGRAM_BUCKETS; ++i) into.bucket[i] += now.bucket[i] - before.bucket[i];
}

void add_edge(weft_edge& into, const weft_edge& now, const weft_edge& before) {
  auto* counters = reinterpret_cast<__u64*>(&into);
  const auto* newer = reinterpret_cast<const __u64*>(&now);
  const auto* older = reinterpret_cast<const __u64*>(&before);
  for (std::size_t i = 0; i < offsetof(weft_edge, last_ns) / sizeof(__u64); ++i) counters[i] += newer[i] - older[i];
  into.last_ns = std::max(into.last_ns, now.last_ns);
  add_histogram(into.connect, now.connect, before.connect);
  add_histogram(into.rtt, now.rtt, before.rtt);
  add_histogram(into.duration, now.duration, before.duration);
}

void add_count(__u64& into, const __u64& now, const __u64& before) { into += now - before; }

template <class V, class F>
void add_each(std::vector<unsigned char>& into, const std::vector<unsigned char>& now,
              const std::vector<unsigned char>& before, F add) {
  for (std::size_t at = 0; at + sizeof(V) <= into.size(); at += sizeof(V)) {
    V sum, newer, older;
    std::memcpy(&sum, into.data() + at, sizeof sum);
    std::memcpy(&newer, now.data() + at, sizeof newer);
    std::memcpy(&older, before.data() + at, sizeof older);
    add(sum, newer, older);
    std::memcpy(into.data() + at, &sum, sizeof sum);
  }
}

void catch_up_counters(const PinnedMap& map, int to_fd, const std::vector<unsigned char>& key,
                       const std::vector<unsigned char>& now, const std::vector<unsigned char>* before) {
  std::vector<unsigned char> zeros(now.size()), sum(now.size());
  if (before == nullptr) before = &zeros;
  if (::bpf_map_lookup_elem(to_fd, key.data(), sum.data()) != 0) sum = zeros;
  if (map.name == "weft_edges")
    add_each<weft_edge>(sum, now, *before, add_edge);
  else
    add_each<__u64>(sum, now, *before, add_count);
  ::bpf_map_update_elem(to_fd, key.data(), sum.data(), BPF_ANY);
}

// A state of its own: the newer of both counts, and the new programs' is newer.
void catch_up_state(int to_fd, const std::vector<unsigned char>& key, const std::vector<unsigned char>& now,
                    const std::vector<unsigned char>* before) {
  std::vector<unsigned char> present(now.size());
  if (before == nullptr)
    ::bpf_map_update_elem(to_fd, key.data(), now.data(), BPF_NOEXIST);
  else if (::bpf_map_lookup_elem(to_fd, key.data(), present.data()) == 0 && present == *before)
    ::bpf_map_update_elem(to_fd, key.data(), now.data(), BPF_EXIST);
}

void drop_ended(int to_fd, const RawEntries& seen, const std::set<std::vector<unsigned char>>& alive) {
  for (const auto& [key, before] : seen) {
    std::vector<unsigned char> present(before.size());
    if (alive.contains(key) || ::bpf_map_lookup_elem(to_fd, key.data(), present.data()) != 0) continue;
    if (present == before) ::bpf_map_delete_elem(to_fd, key.data());
  }
}

}  // namespace

Result<Copied> copy_map(const PinnedMap& map, int from_fd, int to_fd, unsigned cpus) {
  auto from = WEFT_TRY(info_of(from_fd));
  auto to = WEFT_TRY(info_of(to_fd));
  auto shape = WEFT_TRY(common_shape(map, from, to, cpus));
  if (from.type == BPF_MAP_TYPE_ARRAY) {
    auto copied = WEFT_TRY(copy_array(from_fd, to_fd, from.value_size, std::min(from.max_entries, to.max_entries)));
    copied.left_out = from.max_entries - copied.entries;
    return copied;
  }
  Copied copied;
  walk(from_fd, shape, [&](const auto& key, const auto& value) {
    bool fits = ::bpf_map_update_elem(to_fd, key.data(), value.data(), BPF_ANY) == 0;
    ++(fits ? copied.entries : copied.left_out);
    if (map.kind == MapKind::KERNEL) copied.seen.emplace(key, value);
  });
  return copied;
}

Result<> catch_up_map(const PinnedMap& map, int from_fd, int to_fd, const RawEntries& seen, unsigned cpus) {
  auto from = WEFT_TRY(info_of(from_fd));
  auto to = WEFT_TRY(info_of(to_fd));
  auto shape = WEFT_TRY(common_shape(map, from, to, cpus));
  std::set<std::vector<unsigned char>> alive;
  walk(from_fd, shape, [&](const auto& key, const auto& now) {
    alive.insert(key);
    auto before = seen.find(key);
    const auto* known = before == seen.end() ? nullptr : &before->second;
    if (known != nullptr && *known == now) return;
    if (is_per_cpu(shape.type))
      catch_up_counters(map, to_fd, key, now, known);
    else
      catch_up_state(to_fd, key, now, known);
  });
  if (shape.type == BPF_MAP_TYPE_HASH) drop_ended(to_fd, seen, alive);
  return {};
}

}  // namespace weft
