// What the objects mean for this node, in the terms of the kernel maps but without their ids: the value that reconcile
// turns into map writes and that status, metrics and the API read names from.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/model/snapshot.hpp"
#include "weft/abi/flow.h"
#include "weft/abi/maps.h"
#include "weft/abi/service.h"

namespace weft {

// Facts about the node that no object says. Addresses are those of the agent's network namespace.
struct NodeFacts {
  std::string name;
  std::string zone;    // "" = from the Node object of this name
  std::string region;  // "" = from the Node object
  std::vector<IpAddress> addresses;
  bool operator==(const NodeFacts&) const = default;
};

// Numeric names, both ways. Ids are never given to another name while the agent lives; `names.hpp` keeps them over
// restarts in the state directory.
struct Names {
  std::map<std::uint32_t, NamespacedName> workloads;  // weft_identity and above
  std::map<std::uint32_t, NamespacedName> services;
  std::map<std::uint16_t, std::string> zones;
};

// Endpoints in the order of their slots; equal for every frontend that shares the set.
struct EndpointSet {
  std::vector<weft_endpoint> endpoints;
};

struct Frontend {
  weft_service_key key{};
  std::uint16_t set = 0;  // index into CompiledService::sets
};

struct CompiledService {
  std::uint32_t id = 0;                     // numeric name of the Service
  std::uint16_t flags = 0;                  // enum weft_service_flag
  std::uint32_t affinity_timeout_s = 0;
  std::vector<EndpointSet> sets;
  std::vector<Frontend> frontends;          // sorted by key
  std::vector<Diagnostic> diagnostics;      // empty: accepted
};

// A Workload's process selector; kernel ids of its cgroups are found by the agent at run time.
struct ProcessOwner {
  Workload::Process process;
  std::uint32_t workload = 0;
};

struct Compiled {
  std::uint64_t revision = 0;
  ShardedMap<std::shared_ptr<const CompiledService>> services;
  std::shared_ptr<const std::map<std::string, weft_owner>> owners;  // key: bytes of weft_owner_key
  std::vector<ProcessOwner> processes;
  weft_settings settings{};
  std::shared_ptr<const Names> names;
};

}  // namespace weft
