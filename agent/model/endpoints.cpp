#include "agent/model/endpoints.hpp"

#include <algorithm>
#include <optional>

namespace weft {
namespace {

const Node* find_node(const Snapshot& snapshot, const std::string& name) {
  if (name.empty()) return nullptr;
  const auto* node = snapshot.nodes.find({"", name});
  return node == nullptr ? nullptr : node->get();
}

void place_on_node(const Snapshot& snapshot, ServiceEndpoint& endpoint) {
  const auto* node = find_node(snapshot, endpoint.node);
  if (node == nullptr) return;
  if (endpoint.zone.empty()) endpoint.zone = node->zone;
  endpoint.region = node->region;
}

// The workload behind a slice's targetRef.
// A target that no object describes is named as it is.
NamespacedName owner_of_target(const Snapshot& snapshot, const EndpointSlice::Endpoint& endpoint) {
  if (endpoint.target_name.empty()) return {};
  NamespacedName target{endpoint.target_space, endpoint.target_name};
  if (const auto* pod = snapshot.pods.find(target)) return {target.first, (*pod)->owner};
  return target;
}

void add_from_slice(const Snapshot& snapshot, const EndpointSlice& slice, std::uint16_t port, bool publish_not_ready,
                    std::vector<ServiceEndpoint>& out) {
  for (const auto& in : slice.endpoints) {
    ServiceEndpoint endpoint;
    endpoint.port = port;
    endpoint.ready = in.ready && (publish_not_ready || !in.terminating);
    endpoint.serving = in.serving;
    endpoint.terminating = in.terminating;
    endpoint.node = in.node;
    endpoint.zone = in.zone;
    endpoint.hint_zones = in.hint_zones;
    endpoint.hint_nodes = in.hint_nodes;
    endpoint.workload = owner_of_target(snapshot, in);
    place_on_node(snapshot, endpoint);
    for (const auto& address : in.addresses) {
      out.push_back(endpoint);
      out.back().address = address;
    }
  }
}

void add_from_slices(const Snapshot& snapshot, const std::vector<std::shared_ptr<const EndpointSlice>>& slices,
                     const ServicePort& port, bool publish_not_ready, std::vector<ServiceEndpoint>& out) {
  for (const auto& slice : slices)
    for (const auto& named : slice->ports)
      if (named.name == port.name && named.protocol == port.protocol)
        add_from_slice(snapshot, *slice, named.port, publish_not_ready, out);
}

// A number of the service stands for itself; a name is looked up in each workload by itself.
std::optional<std::uint16_t> resolve_port(const ServicePort& port, const std::vector<NamedPort>& ports) {
  if (port.target_port_name.empty()) return port.target_port;
  auto it = std::ranges::find_if(
      ports, [&](const NamedPort& p) { return p.name == port.target_port_name && p.protocol == port.protocol; });
  return it == ports.end() ? std::nullopt : std::optional(it->port);
}

void add_member(const Snapshot& snapshot, ServiceEndpoint endpoint, const std::vector<IpAddress>& addresses,
                std::vector<ServiceEndpoint>& out) {
  place_on_node(snapshot, endpoint);
  for (const auto& address : addresses) {
    out.push_back(endpoint);
    out.back().address = address;
  }
}

// As Kubernetes: a terminating pod is never ready, and serves while its Ready condition holds.
void add_pod(const Snapshot& snapshot, const Pod& pod, const Service& service, const ServicePort& port,
             std::vector<ServiceEndpoint>& out) {
  auto number = resolve_port(port, pod.ports);
  if (!pod.running || !number) return;
  ServiceEndpoint endpoint;
  endpoint.port = *number;
  endpoint.terminating = pod.metadata.deleting;
  endpoint.serving = pod.ready;
  endpoint.ready = service.publish_not_ready || (pod.ready && !endpoint.terminating);
  endpoint.node = pod.node;
  endpoint.workload = workload_of(pod);
  add_member(snapshot, std::move(endpoint), pod.addresses, out);
}

void add_workload(const Snapshot& snapshot, const Workload& workload, const ServicePort& port,
                  const std::string& local_node, const std::vector<IpAddress>& local_addresses,
                  std::vector<ServiceEndpoint>& out) {
  auto number = resolve_port(port, workload.ports);
  if (!number) return;
  ServiceEndpoint endpoint;
  endpoint.port = *number;
  endpoint.terminating = workload.metadata.deleting;
  endpoint.serving = true;
  endpoint.ready = !endpoint.terminating;
  endpoint.node = workload.node.empty() ? local_node : workload.node;
  endpoint.workload = {workload.metadata.space, workload.metadata.name};
  const auto* node = find_node(snapshot, endpoint.node);
  const auto* addresses = &workload.addresses;
  if (addresses->empty() && node != nullptr) addresses = &node->addresses;
  if (addresses->empty() && endpoint.node == local_node) addresses = &local_addresses;
  add_member(snapshot, std::move(endpoint), *addresses, out);
}

bool better(const ServiceEndpoint& a, const ServiceEndpoint& b) {
  return std::tuple(a.ready, a.serving, !a.terminating) > std::tuple(b.ready, b.serving, !b.terminating);
}

// One address may stand in two slices while an update moves it between them: the better state counts.
void sort_and_merge(std::vector<ServiceEndpoint>& endpoints) {
  auto place = [](const ServiceEndpoint& e) { return std::pair(e.address, e.port); };
  std::ranges::stable_sort(endpoints, [&](const ServiceEndpoint& a, const ServiceEndpoint& b) {
    return place(a) != place(b) ? place(a) < place(b) : better(a, b);
  });
  auto twins = std::ranges::unique(endpoints, [&](const auto& a, const auto& b) { return place(a) == place(b); });
  endpoints.erase(twins.begin(), twins.end());
}

}  // namespace

std::vector<ServiceEndpoint> service_endpoints(const Snapshot& snapshot, const Service& service,
                                               const ServicePort& port, const std::string& local_node,
                                               const std::vector<IpAddress>& local_addresses) {
  std::vector<ServiceEndpoint> out;
  NamespacedName name{service.metadata.space, service.metadata.name};
  if (service.type == Service::Type::kExternalName) return out;
  if (const auto* slices = snapshot.slices_by_service.find(name)) {
    add_from_slices(snapshot, *slices, port, service.publish_not_ready, out);
  } else if (const auto* members = snapshot.members_by_service.find(name)) {
    for (const auto& pod : members->pods) add_pod(snapshot, *pod, service, port, out);
    for (const auto& workload : members->workloads)
      add_workload(snapshot, *workload, port, local_node, local_addresses, out);
  }
  sort_and_merge(out);
  return out;
}

}  // namespace weft
