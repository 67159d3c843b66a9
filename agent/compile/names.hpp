// Numeric names of workloads, services and zones as a value, and its form in the state directory. An id is never given
// to another name while the agent lives, nor while the file or a kernel map remembers it.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/compile/id_map.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

struct Names {
  IdMap<std::uint32_t, NamespacedName> workloads;  // from WEFT_IDENTITY_FIRST
  IdMap<std::uint32_t, NamespacedName> services;   // from 1
  IdMap<std::uint16_t, std::string> zones;         // from 1
};

// Bounds: what a mesh of 100,000 services needs twice over. A name beyond them gets no id (0).
inline constexpr std::uint32_t kMaxWorkloadNames = 1u << 18;
inline constexpr std::uint32_t kMaxServiceNames = 1u << 18;
inline constexpr std::uint32_t kMaxZoneNames = 4096;
inline constexpr std::size_t kMaxNamesBytes = 64u << 20;

// The file's text, JSON. Names that are not UTF-8 are left out: they get a new id after a restart.
std::string names_to_text(const Names& names);

// Fails on anything but a file that names_to_text may have written: then start fresh and say so.
Result<Names> names_from_text(std::string_view text);

// Ids that something still refers to: the kernel maps' and, once known, the objects'.
struct UsedIds {
  std::set<std::uint32_t> workloads;
  std::set<std::uint32_t> services;
  std::set<std::uint16_t> zones;
};

// For the start of the agent only: names whose id nothing refers to.
Names forget_unused(const Names& names, const UsedIds& used);

}  // namespace weft
