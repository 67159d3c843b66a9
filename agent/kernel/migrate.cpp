#include "agent/kernel/migrate.hpp"

#include <bpf/bpf.h>

#include <vector>

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

}  // namespace

Result<Copied> copy_map(const PinnedMap& map, int from_fd, int to_fd, unsigned cpus) {
  auto from = WEFT_TRY(info_of(from_fd));
  auto to = WEFT_TRY(info_of(to_fd));
  if (from.type != to.type || from.key_size != to.key_size || from.value_size != to.value_size)
    return fail("map " + std::string(map.name) + ": no conversion from " + std::to_string(from.value_size) + " to " +
                std::to_string(to.value_size) + " bytes a value");
  std::vector<unsigned char> key(from.key_size), next(from.key_size);
  std::size_t width = is_per_cpu(from.type) ? std::size_t{(from.value_size + 7) & ~7U} * cpus : from.value_size;
  std::vector<unsigned char> value(width);
  Copied copied;
  const void* previous = nullptr;
  while (::bpf_map_get_next_key(from_fd, previous, next.data()) == 0) {
    key = next;
    previous = key.data();
    if (::bpf_map_lookup_elem(from_fd, key.data(), value.data()) != 0) continue;  // gone meanwhile
    if (::bpf_map_update_elem(to_fd, key.data(), value.data(), BPF_ANY) == 0)
      ++copied.entries;
    else
      ++copied.left_out;
  }
  return copied;
}

}  // namespace weft
