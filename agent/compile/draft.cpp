#include "agent/compile/draft.hpp"

#include <algorithm>
#include <limits>

#include "agent/base/findings.hpp"
#include "agent/compile/abi.hpp"
#include "agent/compile/select.hpp"

namespace weft {
namespace {

constexpr std::size_t kMaxSets = std::numeric_limits<std::uint16_t>::max();

NamespacedName name_of(const Service& service) { return {service.metadata.space, service.metadata.name}; }

Diagnostic diagnose(const Service& service, FindingCode code, std::string field, std::string reason) {
  return {Diagnostic::Severity::kError,
          finding_code(code),
          service_object(name_of(service)),
          std::move(field),
          std::move(reason),
          {}};
}

// The endpoints of one port in one family, by what a frontend may give out.
class PortSets {
 public:
  PortSets(const ServicePort& port, EndpointRefs endpoints) : port_(port), endpoints_(std::move(endpoints)) {
    for (const auto* endpoint : endpoints_) nodes_[endpoint->node] = kNoSet;
    nodes_.erase("");
  }

  // Index into `out.sets`, where the set is put when it is not there yet; nothing when there are too many sets.
  std::optional<std::uint16_t> find_or_add(CompiledService& out, const std::string* only_node, const Service& service,
                                           const Topology& topology, NameGivers& givers) {
    auto& index = index_of(only_node);
    if (index != kNoSet) return static_cast<std::uint16_t>(index);
    if (out.sets.size() == kMaxSets) return std::nullopt;
    index = static_cast<int>(out.sets.size());
    auto& rows = out.sets.emplace_back().endpoints;
    auto chosen = select_endpoints(endpoints_, only_node, service.distribution, topology.local());
    rows.reserve(chosen.size());
    for (const auto* endpoint : chosen) rows.push_back(make_row(*endpoint, topology, givers));
    return static_cast<std::uint16_t>(index);
  }

 private:
  static constexpr int kNoSet = -1;

  // All nodes that have no endpoint share one empty set.
  int& index_of(const std::string* only_node) {
    if (!only_node) return everywhere_;
    auto node = nodes_.find(*only_node);
    return node == nodes_.end() ? nowhere_ : node->second;
  }

  weft_endpoint make_row(const ServiceEndpoint& endpoint, const Topology& topology, NameGivers& givers) const {
    weft_endpoint row{};
    row.address = to_abi(endpoint.address);
    row.port = Be16::from_host(endpoint.port).raw;
    row.protocol = static_cast<std::uint8_t>(port_.protocol);
    row.zone = givers.zone(endpoint.zone);
    row.workload = workload_of(endpoint, topology, givers);
    return row;
  }

  static std::uint32_t workload_of(const ServiceEndpoint& endpoint, const Topology& topology, NameGivers& givers) {
    if (!endpoint.workload.second.empty()) return givers.workload(endpoint.workload);
    return topology.is_node_address(endpoint.address) ? WEFT_IDENTITY_HOST : WEFT_IDENTITY_WORLD;
  }

  const ServicePort& port_;
  EndpointRefs endpoints_;
  std::map<std::string_view, int> nodes_;  // nodes that have endpoints → their set
  int everywhere_ = kNoSet;
  int nowhere_ = kNoSet;
};

class Drafter {
 public:
  Drafter(const Snapshot& snapshot, const Service& service, const Topology& topology, NameGivers& givers)
      : snapshot_(snapshot), service_(service), topology_(topology), givers_(givers) {
    out_.id = givers.service(name_of(service));
    out_.affinity_timeout_s = service.affinity_timeout_s;
    if (service.affinity_timeout_s != 0) out_.flags |= WEFT_SERVICE_AFFINITY;
  }

  CompiledService make() && {
    if (out_.id == 0) {
      complain(FindingCode::kTooMany, "",
               "this node has no numeric names left for services: restart weftd to forget old ones");
    } else if (service_.type == Service::Type::kExternalName) {
      complain(
          FindingCode::kExternalName, "spec.type",
          "an ExternalName service has no address to balance: use a Service without selector and an EndpointSlice");
    } else if (!service_.headless) {
      for (const auto& port : service_.ports) add_port(port);
      order_frontends();
    }
    return std::move(out_);
  }

 private:
  void add_port(const ServicePort& port) {
    const auto& local = topology_.local();
    auto endpoints = service_endpoints(snapshot_, service_, port, local.name, local.addresses);
    for (auto& endpoint : endpoints) place_here(endpoint);
    EndpointRefs v4, v6;
    for (const auto& endpoint : endpoints) (endpoint.address.is_v4() ? v4 : v6).push_back(&endpoint);
    PortSets sets_v4(port, std::move(v4)), sets_v6(port, std::move(v6));
    auto add = [&](const IpAddress& address, std::uint16_t number, const std::string* only_node) {
      add_frontend(make_service_key(address, number, port.protocol), address.is_v4() ? sets_v4 : sets_v6, only_node);
    };
    const std::string* here = &local.name;
    for (const auto& ip : service_.cluster_ips) add(ip, port.port, service_.internal_local ? here : nullptr);
    for (const auto& ip : service_.external_ips) add(ip, port.port, service_.external_local ? here : nullptr);
    if (!has_node_port(port)) return;
    for (const auto& [address, node, declared] : topology_.addresses())
      if (serves_family(address)) add(address, port.node_port, service_.external_local ? &node->name : nullptr);
  }

  // Zone and region of this node may be known from its configuration alone.
  void place_here(ServiceEndpoint& endpoint) const {
    const auto& local = topology_.local();
    if (endpoint.node != local.name) return;
    if (endpoint.zone.empty()) endpoint.zone = local.zone;
    if (endpoint.region.empty()) endpoint.region = local.region;
  }

  bool has_node_port(const ServicePort& port) const {
    bool exposed = service_.type == Service::Type::kNodePort || service_.type == Service::Type::kLoadBalancer;
    return exposed && port.node_port != 0;
  }

  // A service has node ports in the families of its cluster addresses.
  bool serves_family(const IpAddress& address) const {
    auto same_family = [&](const IpAddress& ip) { return ip.is_v4() == address.is_v4(); };
    return service_.cluster_ips.empty() ||
           std::any_of(service_.cluster_ips.begin(), service_.cluster_ips.end(), same_family);
  }

  void add_frontend(const weft_service_key& key, PortSets& sets, const std::string* only_node) {
    if (auto set = sets.find_or_add(out_, only_node, service_, topology_, givers_)) {
      out_.frontends.push_back({key, *set});
    } else if (!complained_of_sets_) {
      complained_of_sets_ = true;
      complain(FindingCode::kTooMany, "spec.externalTrafficPolicy",
               "the service has more than 65535 sets of endpoints");
    }
  }

  // The first frontend of a key stays: cluster addresses come before external ones, those before node ports.
  void order_frontends() {
    auto& list = out_.frontends;
    std::stable_sort(list.begin(), list.end(), [](auto& a, auto& b) { return bytes_less(a.key, b.key); });
    auto same_key = [](auto& a, auto& b) { return bytes_equal(a.key, b.key); };
    list.erase(std::unique(list.begin(), list.end(), same_key), list.end());
  }

  void complain(FindingCode code, std::string field, std::string reason) {
    out_.diagnostics.push_back(diagnose(service_, code, std::move(field), std::move(reason)));
  }

  const Snapshot& snapshot_;
  const Service& service_;
  const Topology& topology_;
  NameGivers& givers_;
  CompiledService out_;
  bool complained_of_sets_ = false;
};

}  // namespace

CompiledService draft_service(const Snapshot& snapshot, const Service& service, const Topology& topology,
                              NameGivers& givers) {
  return Drafter(snapshot, service, topology, givers).make();
}

ObjectKey service_object(const NamespacedName& name) { return {ObjectKind::kService, name.first, name.second}; }

}  // namespace weft
