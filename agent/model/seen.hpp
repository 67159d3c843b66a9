// Connections that were seen, added up: what policies are tried on, and drafted from.
#pragma once

#include <cstdint>
#include <memory>

#include "agent/model/objects.hpp"

namespace weft {

// Who a connection began or ended at, as it was then.
struct SeenEnd {
  // One of the pods that were the same to policies; a Workload object in the form of a pod. Null: the address is no
  // workload's.
  std::shared_ptr<const Pod> pod;
  IpAddress address;     // of workloads one of theirs
  bool process = false;  // of a host: a Workload object
};
using SharedSeenEnd = std::shared_ptr<const SeenEnd>;

struct SeenConnections {
  SharedSeenEnd client;
  SharedSeenEnd server;
  std::uint16_t port = 0;     // of the server
  std::uint8_t protocol = 0;  // IPPROTO_*
  std::uint64_t allowed = 0;
  std::uint64_t denied = 0;
  std::int64_t last_ns = 0;  // since 1970
};

}  // namespace weft
