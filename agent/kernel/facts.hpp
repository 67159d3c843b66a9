// What the programs counted, read out of their maps. Thread-safe: holds descriptors only.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/kernel/map.hpp"
#include "weft/abi/flow.h"
#include "weft/abi/pod.h"

namespace weft {

class BpfObject;

struct HelperError {
  std::uint32_t helper = 0;  // enum weft_helper
  std::uint32_t code = 0;    // errno
  std::uint64_t count = 0;
};

struct MapUsage {
  std::string name;
  std::uint64_t entries = 0;
  std::uint64_t max = 0;
};

class KernelFacts {
 public:
  static Result<KernelFacts> open(const BpfObject& object);

  // Edges, summed over processors.
  Result<std::vector<std::pair<weft_edge_key, weft_edge>>> edges() const;
  Result<> forget_edge(const weft_edge_key& key) const;
  std::array<std::uint64_t, WEFT_COUNTER_COUNT> counters() const;
  Result<std::vector<HelperError>> helper_errors() const;
  // Decisions of policy, summed over processors.
  Result<std::vector<std::pair<weft_verdict_key, weft_verdict_count>>> verdicts() const;
  Result<> forget_verdict(const weft_verdict_key& key) const;
  std::array<std::uint64_t, WEFT_DROP_COUNT> drops() const;
  // Ends UDP conversations idle for longer than `idle_ns`; returns how many.
  Result<std::uint32_t> close_idle_udp(std::uint64_t idle_ns) const;
  // Adds open TCP connections to the list and takes closed ones (socket cookies) off. A full list (E2BIG) is no error:
  // it only leaves out, and its pressure is seen by usage().
  Result<> list_connections(std::span<const weft_flow_event> opened, std::span<const std::uint64_t> closed) const;
  // Open TCP connections and UDP conversations as records of kind open.
  Result<std::vector<weft_flow_event>> connections() const;
  // Entries of the maps that programs fill; those of the agent's tables are known to the ledger.
  std::vector<MapUsage> usage() const;

 private:
  PerCpuMap<weft_edge_key, weft_edge> edges_;
  PerCpuMap<std::uint32_t, std::uint64_t> counters_;
  PerCpuMap<weft_helper_error_key, std::uint64_t> helper_errors_;
  PerCpuMap<weft_verdict_key, weft_verdict_count> verdicts_;
  PerCpuMap<std::uint32_t, std::uint64_t> drops_;
  Map<std::uint64_t, weft_flow_event> connections_;
  Map<weft_udp_flow_key, weft_udp_flow> udp_flows_;
  std::vector<std::pair<std::string, int>> counted_maps_;
  int close_idle_program_ = -1;
};

}  // namespace weft
