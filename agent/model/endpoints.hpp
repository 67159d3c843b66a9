// Endpoints of a Service, from its EndpointSlices or, where it has a selector and no slice, derived from Pods and
// Workloads as Kubernetes' endpoint-slice controller does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "agent/model/snapshot.hpp"

namespace weft {

// One address serving one port of a service.
struct ServiceEndpoint {
  IpAddress address;
  std::uint16_t port = 0;
  bool ready = false;
  bool serving = false;
  bool terminating = false;
  std::string node;
  std::string zone;    // of the slice, else of the node
  std::string region;  // of the node
  std::vector<std::string> hint_zones;
  std::vector<std::string> hint_nodes;
  NamespacedName workload;  // the owner's namespace and name; empty when unknown
};

// Endpoints of `port` of `service`, sorted by address and port, without duplicates, all families. `local_addresses`
// serve workloads of this node that have no addresses of their own while no Node object says the node's.
std::vector<ServiceEndpoint> service_endpoints(const Snapshot& snapshot, const Service& service,
                                               const ServicePort& port, const std::string& local_node,
                                               const std::vector<IpAddress>& local_addresses = {});

}  // namespace weft
