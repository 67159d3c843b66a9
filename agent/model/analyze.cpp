#include "agent/model/analyze.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "agent/base/findings.hpp"
#include "agent/model/analyze_policies.hpp"
#include "agent/model/endpoints.hpp"

namespace weft {
namespace {

using ServicePtr = std::shared_ptr<const Service>;
using Severity = Diagnostic::Severity;

std::string text_of(const Service& service) { return service.metadata.space + "/" + service.metadata.name; }

std::string text_of(const ServicePort& port) {
  auto number = fmt::format("{}/{}", port.port, protocol_name(port.protocol));
  return port.name.empty() ? number : fmt::format("{} ({})", port.name, number);
}

class Analysis {
 public:
  Analysis(const Snapshot& snapshot, const std::string& local_node) : snapshot_(snapshot), local_node_(local_node) {}

  std::vector<Diagnostic> run() {
    std::map<NamespacedName, ServicePtr> services;
    snapshot_.services.for_each([&](const auto& name, const ServicePtr& service) { services.emplace(name, service); });
    snapshot_.nodes.for_each(
        [&](const auto&, const auto& node) { node_addresses_.insert(node->addresses.begin(), node->addresses.end()); });
    for (const auto& [name, service] : services) check(*service);
    snapshot_.slices.for_each([&](const auto&, const auto& slice) { check(*slice); });
    snapshot_.workloads.for_each([&](const auto&, const auto& workload) { check(*workload); });
    analyze_policies(snapshot_, out_);
    std::ranges::stable_sort(out_, {}, [](const Diagnostic& d) { return std::tie(d.object, d.code, d.field); });
    return std::move(out_);
  }

 private:
  void check(const Service& service) {
    if (service.type == Service::Type::kExternalName)
      return add(
          service, Severity::kError, FindingCode::kExternalName, "spec.type",
          fmt::format("is ExternalName, which has no address to balance; call {} directly", service.external_name));
    if (!service.headless) check_addresses(service);
    if (!check_selector(service)) return;
    for (std::size_t i = 0; i < service.ports.size(); ++i)
      check_port(service, service.ports[i], fmt::format("spec.ports[{}]", i));
  }

  void check_addresses(const Service& service) {
    auto addresses = service.cluster_ips;
    addresses.insert(addresses.end(), service.external_ips.begin(), service.external_ips.end());
    bool node_port = std::ranges::any_of(service.ports, [](const ServicePort& p) { return p.node_port != 0; });
    if (addresses.empty() && !node_port)
      add(service, Severity::kWarning, FindingCode::kServiceWithoutAddress, "spec.clusterIP",
          "is missing: the service has no address; set one, or None for a headless service");
    for (const auto& address : addresses)
      if (node_addresses_.contains(address))
        add(service, Severity::kWarning, FindingCode::kExternalIpOfNode, "spec",
            fmt::format("the address {} is the address of a node", address.text()));
    for (std::size_t i = 0; i < service.ports.size(); ++i) claim_frontends(service, addresses, i);
  }

  void claim_frontends(const Service& service, const std::vector<IpAddress>& addresses, std::size_t index) {
    const auto& port = service.ports[index];
    for (const auto& address : addresses) {
      auto [it, first] = frontends_.emplace(std::tuple(address, port.port, port.protocol), &service);
      if (!first && it->second != &service)
        add(service, Severity::kError, FindingCode::kFrontendCollision, fmt::format("spec.ports[{}].port", index),
            fmt::format("{} {} belongs to Service {} already", SocketAddress{address, port.port}.text(),
                        protocol_name(port.protocol), text_of(*it->second)));
    }
    if (port.node_port == 0) return;
    auto [it, first] = node_ports_.emplace(std::pair(port.node_port, port.protocol), &service);
    if (!first)
      add(service, Severity::kError, FindingCode::kNodePortCollision, fmt::format("spec.ports[{}].nodePort", index),
          fmt::format("{}/{} belongs to Service {} already", port.node_port, protocol_name(port.protocol),
                      text_of(*it->second)));
  }

  // False when nothing can serve the service, which is then said here.
  bool check_selector(const Service& service) {
    NamespacedName name{service.metadata.space, service.metadata.name};
    if (snapshot_.slices_by_service.find(name) != nullptr || snapshot_.members_by_service.find(name) != nullptr)
      return true;
    if (service.selector)
      add(service, Severity::kWarning, FindingCode::kSelectorMatchesNothing, "spec.selector",
          fmt::format("matches no pod and no workload of namespace {}", service.metadata.space));
    else
      add(service, Severity::kWarning, FindingCode::kServiceWithoutEndpoints, "",
          "has neither a selector nor an EndpointSlice; add one of them");
    return false;
  }

  void check_port(const Service& service, const ServicePort& port, const std::string& field) {
    NamespacedName name{service.metadata.space, service.metadata.name};
    const auto* slices = snapshot_.slices_by_service.find(name);
    bool explained = slices != nullptr
                         ? check_slice_port(service, port, *slices, field)
                         : check_target_name(service, port, *snapshot_.members_by_service.find(name), field);
    if (explained) return;
    auto endpoints = service_endpoints(snapshot_, service, port, local_node_, {kSomeAddress});
    bool served = std::ranges::any_of(endpoints, [](const ServiceEndpoint& e) { return e.ready || e.serving; });
    if (!served)
      add(service, Severity::kWarning, FindingCode::kServiceWithoutEndpoints, field,
          fmt::format("port {} has {} endpoints and none is ready", text_of(port), endpoints.size()));
  }

  bool check_slice_port(const Service& service, const ServicePort& port,
                        const std::vector<std::shared_ptr<const EndpointSlice>>& slices, const std::string& field) {
    auto has_port = [&](const auto& slice) {
      return std::ranges::any_of(
          slice->ports, [&](const NamedPort& p) { return p.name == port.name && p.protocol == port.protocol; });
    };
    if (std::ranges::any_of(slices, has_port)) return false;
    add(service, Severity::kWarning, FindingCode::kSlicePortUnknown, field,
        fmt::format("no EndpointSlice of the service has the port '{}' with protocol {}", port.name,
                    protocol_name(port.protocol)));
    return true;
  }

  bool check_target_name(const Service& service, const ServicePort& port, const ServiceMembers& members,
                         const std::string& field) {
    if (port.target_port_name.empty()) return false;
    std::set<std::uint16_t> numbers;
    auto collect = [&](const std::vector<NamedPort>& ports) {
      for (const auto& p : ports)
        if (p.name == port.target_port_name && p.protocol == port.protocol) numbers.insert(p.port);
    };
    for (const auto& pod : members.pods) collect(pod->ports);
    for (const auto& workload : members.workloads) collect(workload->ports);
    if (numbers.empty())
      add(service, Severity::kWarning, FindingCode::kTargetPortUnknown, field + ".targetPort",
          fmt::format("no selected workload has a port '{}' with protocol {}", port.target_port_name,
                      protocol_name(port.protocol)));
    if (numbers.size() > 1)
      add(service, Severity::kWarning, FindingCode::kPortConflict, field + ".targetPort",
          fmt::format("'{}' stands for the ports {}", port.target_port_name, fmt::join(numbers, ", ")));
    return numbers.empty();
  }

  void check(const EndpointSlice& slice) {
    ObjectKey key{ObjectKind::kEndpointSlice, slice.metadata.space, slice.metadata.name};
    if (!slice.service.empty() && snapshot_.services.find({slice.metadata.space, slice.service}) != nullptr) return;
    auto reason = slice.service.empty()
                      ? std::string("is missing; without it the endpoints belong to no service")
                      : fmt::format("names Service {}/{}, which does not exist", slice.metadata.space, slice.service);
    add(std::move(key), Severity::kWarning, FindingCode::kSliceWithoutService,
        "metadata.labels['kubernetes.io/service-name']", std::move(reason));
  }

  void check(const Workload& workload) {
    if (!workload.addresses.empty() || workload.node.empty() || workload.node == local_node_) return;
    if (snapshot_.nodes.find({"", workload.node}) != nullptr) return;
    add({ObjectKind::kWorkload, workload.metadata.space, workload.metadata.name}, Severity::kWarning,
        FindingCode::kNodeUnknown, "spec.node",
        fmt::format("there is no Node {} to take addresses from; add it, or set spec.addresses", workload.node));
  }

  void add(const Service& service, Severity severity, FindingCode code, std::string field, std::string reason) {
    add({ObjectKind::kService, service.metadata.space, service.metadata.name}, severity, code, std::move(field),
        std::move(reason));
  }
  void add(ObjectKey key, Severity severity, FindingCode code, std::string field, std::string reason) {
    out_.push_back({severity, finding_code(code), std::move(key), std::move(field), std::move(reason), {}});
  }

  // Stands for whatever address this node has; of a documentation range (RFC 5737).
  static inline const IpAddress kSomeAddress = IpAddress::v4(0xC0000201);

  const Snapshot& snapshot_;
  const std::string& local_node_;
  std::set<IpAddress> node_addresses_;
  std::map<std::tuple<IpAddress, std::uint16_t, Protocol>, const Service*> frontends_;
  std::map<std::pair<std::uint16_t, Protocol>, const Service*> node_ports_;
  std::vector<Diagnostic> out_;
};

}  // namespace

std::vector<Diagnostic> analyze(const Snapshot& snapshot, const std::string& local_node) {
  return Analysis(snapshot, local_node).run();
}

}  // namespace weft
