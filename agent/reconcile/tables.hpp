// Value forms of the agent's kernel maps: what a dump of them gives, and what they should hold.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <type_traits>
#include <vector>

#include "weft/abi/flow.h"
#include "weft/abi/maps.h"
#include "weft/abi/service.h"

namespace weft {

template <class K>
struct ByteLess {
  static_assert(std::has_unique_object_representations_v<K>, "padding would make equal keys differ");
  bool operator()(const K& a, const K& b) const { return std::memcmp(&a, &b, sizeof(K)) < 0; }
};

template <class K, class V>
using Table = std::map<K, V, ByteLess<K>>;

template <class V>
bool same_bytes(const V& a, const V& b) {
  static_assert(std::is_trivially_copyable_v<V>);
  return std::memcmp(&a, &b, sizeof(V)) == 0;
}

struct Tables {
  Table<weft_service_key, weft_service> services;
  std::map<std::uint32_t, std::uint32_t> slots;      // index → endpoint id, only non-zero ones
  std::map<std::uint32_t, weft_endpoint> endpoints;  // id → row, only used ones
  Table<weft_owner_key, weft_owner> owners;
  Table<weft_process_key, std::uint32_t> processes;
  weft_settings settings{};
};

}  // namespace weft
