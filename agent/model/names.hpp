// Numeric names that kernel and agent use for workloads, services and zones. Ids are never given to another name while
// the agent lives; the compiler hands them out and keeps them over restarts.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/model/snapshot.hpp"

namespace weft {

struct Names {
  std::map<std::uint32_t, NamespacedName> workloads;  // weft_identity and above
  std::map<std::uint32_t, NamespacedName> services;
  std::map<std::uint16_t, std::string> zones;
};

}  // namespace weft
