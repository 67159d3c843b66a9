// What the objects mean for this node, in the terms of the kernel maps but without their ids: the value that reconcile
// turns into map writes and that status, metrics and the API read names from.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/compile/names.hpp"
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

// Endpoints in the order of their slots; equal for every frontend that shares the set.
struct EndpointSet {
  std::vector<weft_endpoint> endpoints;
};

struct Frontend {
  weft_service_key key{};
  std::uint16_t set = 0;  // index into CompiledService::sets
};

struct CompiledService {
  std::uint32_t id = 0;     // numeric name of the Service
  std::uint16_t flags = 0;  // enum weft_service_flag
  std::uint32_t affinity_timeout_s = 0;
  std::vector<EndpointSet> sets;
  std::vector<Frontend> frontends;      // sorted by key
  std::vector<Diagnostic> diagnostics;  // empty: accepted
};

// A Workload's process selector; kernel ids of its cgroups are found by the agent at run time.
struct ProcessOwner {
  Workload::Process process;
  std::uint32_t workload = 0;
};

using OwnerRow = std::pair<weft_owner_key, weft_owner>;

struct Compiled {
  std::uint64_t revision = 0;
  ShardedMap<std::shared_ptr<const CompiledService>> services;
  std::shared_ptr<const std::vector<OwnerRow>> owners;  // sorted by the bytes of the key; Ledger::plan_owners takes it
  std::vector<ProcessOwner> processes;                  // in the order of their Workloads' names
  weft_settings settings{};
  std::shared_ptr<const Names> names;
};

}  // namespace weft
