// Turns ring records into flows: numbers become names, addresses become pods, the kernel's clock becomes wall time. A
// flow keeps the names of its moment, so an address that is given to another pod later changes no record.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "agent/observe/flow.hpp"
#include "agent/observe/pod_index.hpp"

namespace weft {

// Path of a cgroup below the cgroup v2 root ("/system.slice/web.service") by its kernel id; empty when it is gone.
using CgroupResolver = std::function<std::string(std::uint64_t id)>;

class FlowJoiner {
 public:
  static constexpr std::size_t kMaxProcesses = 4096;                     // remembered cgroups
  static constexpr std::uint64_t kUnknownCgroupRetryNs = 5'000'000'000;  // the resolver is not asked more often

  // wall_offset_ns: what to add to CLOCK_MONOTONIC to get nanoseconds since 1970.
  FlowJoiner(std::int64_t wall_offset_ns, CgroupResolver resolve_cgroup);

  void set_wall_offset(std::int64_t offset_ns) { wall_offset_ns_ = offset_ns; }
  void update(const std::shared_ptr<const Snapshot>& snapshot, std::shared_ptr<const NameSource> names);

  // The event must have passed decode_event, or come from the kernel's table of open connections.
  Flow join(const weft_flow_event& event);

 private:
  struct Process {
    std::shared_ptr<const ProcessPlace> place;
    std::uint64_t asked_ns = 0;
  };
  FlowEnd make_end(std::uint32_t workload, std::uint16_t zone, const weft_address& address, std::uint16_t port);
  std::shared_ptr<const Place> find_place(std::uint16_t zone);
  std::shared_ptr<const ProcessPlace> find_process(std::uint64_t cgroup, std::uint64_t now_ns);

  std::int64_t wall_offset_ns_;
  CgroupResolver resolve_cgroup_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const NameSource> names_;
  NameCache cache_;
  PodIndex pods_;
  std::unordered_map<std::string, std::string> regions_;  // by zone
  std::unordered_map<std::uint16_t, std::shared_ptr<const Place>> places_;
  std::unordered_map<std::uint64_t, Process> processes_;
};

}  // namespace weft
