// Who a name or an address means, for explanations: pods, workloads, services, in this order.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/compile/compiled.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

// One address that a connection may begin or end at.
struct ExplainEnd {
  enum class Place : std::uint8_t {
    kLocalPod,   // this node judges it
    kRemotePod,  // the node of the pod does
    kHost,       // processes on a host, a node, a pod in its node's network: nobody judges their side yet
    kOutside,    // of the mesh
  };
  IpAddress address;
  std::uint16_t port = 0;  // of a service's endpoint; 0: as asked
  Place place = Place::kOutside;
  std::string object;  // "Pod shop/web-1"; empty outside of the mesh
  std::string node;
};

struct ExplainTarget {
  std::string object;            // "Pod shop/web-1", "Service shop/web", "10.0.0.7"
  std::vector<ExplainEnd> ends;  // of this node first; of a service none: they depend on the port
  std::shared_ptr<const Service> service;
  std::vector<IpAddress> service_addresses;  // that were meant; none: a headless service
};

class ExplainEnds {
 public:
  ExplainEnds(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const Compiled> compiled, NodeFacts facts);

  // "ns/name" or an address; nothing when nobody has the name.
  std::optional<ExplainTarget> find(std::string_view text) const;
  ExplainEnd end_at(const IpAddress& address) const;
  // Null when the service has no such port.
  const EndpointSet* find_frontend(const NamespacedName& service, const IpAddress& address, std::uint16_t port,
                                   std::uint8_t protocol) const;
  const Snapshot& snapshot() const { return *snapshot_; }
  const NodeFacts& facts() const { return facts_; }

 private:
  ExplainTarget target_of(const std::string& object, const std::vector<std::shared_ptr<const Pod>>& pods) const;
  ExplainTarget target_of(const Workload& workload) const;
  ExplainTarget target_of(const std::shared_ptr<const Service>& service, std::vector<IpAddress> addresses) const;
  ExplainEnd end_of(const Pod& pod, const IpAddress& address) const;
  void add_pods();
  void add_services();

  std::shared_ptr<const Snapshot> snapshot_;
  std::shared_ptr<const Compiled> compiled_;
  NodeFacts facts_;
  std::map<NamespacedName, std::vector<std::shared_ptr<const Pod>>> by_owner_;
  std::unordered_map<IpAddress, ExplainEnd> by_address_;
  std::unordered_map<IpAddress, std::shared_ptr<const Service>> services_;
};

}  // namespace weft
