#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "agent/model/decode_object.hpp"
#include "agent/model/names.hpp"

namespace weft {
namespace {

constexpr std::uint32_t kDefaultAffinityTimeoutS = 10800;
constexpr std::uint32_t kLongestAffinityTimeoutS = 86400;
constexpr std::string_view kHeadless = "None";

Service::Type decode_type(const JsonCursor& spec) {
  auto type = decode_choice(spec, "type", {"ClusterIP", "NodePort", "LoadBalancer", "ExternalName"});
  if (type == "NodePort") return Service::Type::kNodePort;
  if (type == "LoadBalancer") return Service::Type::kLoadBalancer;
  if (type == "ExternalName") return Service::Type::kExternalName;
  return Service::Type::kClusterIp;
}

void decode_target_port(const JsonCursor& in, ServicePort& out) {
  out.target_port = out.port;
  if (!in.has("targetPort")) return;
  const auto& value = in.value().at("targetPort");
  if (!value.is_string()) {
    out.target_port = static_cast<std::uint16_t>(in.integer("targetPort", 1, 65535).value_or(0));
    return;
  }
  out.target_port_name = value.get<std::string>();
  if (!is_port_name(out.target_port_name))
    in.problem(FindingCode::kBadName, "targetPort",
               in_quotes(out.target_port_name) +
                   " is neither a port number nor a port name (a-z, 0-9 and '-', at most 15, "
                   "with a letter); numbers are written without quotes");
}

ServicePort decode_port(const JsonCursor& in, bool needs_name, bool may_have_node_port) {
  ServicePort out;
  out.name = decode_reference(in, "name", NameRule::kLabel);
  if (needs_name && !in.has("name"))
    in.problem(FindingCode::kFieldMissing, "name", "is required when a service has several ports");
  out.protocol = decode_protocol(in);
  out.port = decode_port_number(in, "port");
  decode_target_port(in, out);
  out.node_port = static_cast<std::uint16_t>(in.integer("nodePort", 0, 65535).value_or(0));
  if (out.node_port != 0 && !may_have_node_port)
    in.problem(FindingCode::kFieldValue, "nodePort", "is allowed for the types NodePort and LoadBalancer only");
  out.app_protocol = decode_app_protocol(in);
  return out;
}

void refuse_port_duplicates(const std::vector<JsonCursor>& in, const std::vector<ServicePort>& ports) {
  std::set<std::string> names;
  std::set<std::pair<std::uint16_t, Protocol>> numbers, node_ports;
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const auto& port = ports[i];
    if (!port.name.empty() && !names.insert(port.name).second)
      in[i].problem(FindingCode::kDuplicateEntry, "name", in_quotes(port.name) + " is the name of another port too");
    if (port.port != 0 && !numbers.emplace(port.port, port.protocol).second)
      in[i].problem(FindingCode::kDuplicateEntry, "port",
                    fmt::format("{}/{} is there twice", port.port, protocol_name(port.protocol)));
    if (port.node_port != 0 && !node_ports.emplace(port.node_port, port.protocol).second)
      in[i].problem(FindingCode::kDuplicateEntry, "nodePort",
                    fmt::format("{}/{} is there twice", port.node_port, protocol_name(port.protocol)));
  }
}

void decode_ports(const JsonCursor& spec, Service& out) {
  auto ports = spec.objects("ports");
  bool optional = out.headless || out.type == Service::Type::kExternalName;
  if (ports.empty() && !optional) spec.problem(FindingCode::kFieldMissing, "ports", "must have at least one port");
  bool may_have_node_port = out.type == Service::Type::kNodePort || out.type == Service::Type::kLoadBalancer;
  for (const auto& port : ports) out.ports.push_back(decode_port(port, ports.size() > 1, may_have_node_port));
  refuse_port_duplicates(ports, out.ports);
}

void add_cluster_ip(const JsonCursor& where, std::string_view key, std::string_view text, Service& out) {
  auto address = decode_address(where, key, text);
  if (!address) return;
  if (!out.cluster_ips.empty() && out.cluster_ips.front().is_v4() == address->is_v4())
    where.problem(FindingCode::kFieldValue, key, "two addresses of one family; give one IPv4 and one IPv6 address");
  out.cluster_ips.push_back(*address);
}

void check_first_cluster_ip(const JsonCursor& spec, const std::vector<JsonCursor>& list) {
  if (list.empty() || !spec.has("clusterIP") || !list.front().value().is_string()) return;
  if (spec.string("clusterIP") != list.front().value().get<std::string>())
    spec.problem(FindingCode::kFieldValue, "clusterIPs", "must begin with the value of clusterIP");
}

void decode_cluster_ips(const JsonCursor& spec, Service& out) {
  auto list = spec.items("clusterIPs");
  auto first = spec.string("clusterIP");
  check_first_cluster_ip(spec, list);
  if (list.size() > 2) spec.problem(FindingCode::kTooMany, "clusterIPs", "may hold one address per family only");
  if (list.empty()) {
    out.headless = first == kHeadless;
    if (!out.headless && !first.empty()) add_cluster_ip(spec, "clusterIP", first, out);
    return;
  }
  for (const auto& item : list) {
    auto text = item.as_string();
    if (text == kHeadless && list.size() == 1)
      out.headless = true;
    else if (text)
      add_cluster_ip(item, {}, *text, out);
  }
}

void decode_external_ips(const JsonCursor& object, const JsonCursor& spec, Service& out) {
  for (const auto& item : spec.items("externalIPs"))
    if (auto text = item.as_string())
      if (auto address = decode_address(item, {}, *text)) out.external_ips.push_back(*address);
  auto status = object.object("status");
  auto balancer = status.object("loadBalancer");
  for (const auto& ingress : balancer.objects("ingress")) {
    auto text = ingress.string("ip");
    if (text.empty()) continue;
    if (auto address = decode_address(ingress, "ip", text)) out.external_ips.push_back(*address);
  }
}

void decode_affinity(const JsonCursor& spec, Service& out) {
  auto affinity = decode_choice(spec, "sessionAffinity", {"None", "ClientIP"});
  auto config = spec.object("sessionAffinityConfig");
  auto client_ip = config.object("clientIP");
  auto timeout = client_ip.integer("timeoutSeconds", 1, kLongestAffinityTimeoutS);
  if (affinity == "ClientIP")
    out.affinity_timeout_s = static_cast<std::uint32_t>(timeout.value_or(kDefaultAffinityTimeoutS));
  else if (config.present())
    spec.problem(FindingCode::kFieldValue, "sessionAffinityConfig", "is allowed with sessionAffinity: ClientIP only");
}

Service::Distribution decode_distribution(const JsonCursor& spec) {
  auto choice = decode_choice(spec, "trafficDistribution", {"", "PreferClose", "PreferSameZone", "PreferSameNode"});
  if (choice.empty()) return Service::Distribution::kAny;
  return choice == "PreferSameNode" ? Service::Distribution::kPreferNode : Service::Distribution::kPreferZone;
}

void decode_external_name(const JsonCursor& spec, Service& out) {
  auto name = spec.required_string("externalName");
  if (name.ends_with('.')) name.pop_back();
  if (!name.empty() && !is_dns_subdomain(name))
    spec.problem(FindingCode::kBadName, "externalName", in_quotes(name) + " is not a host name");
  out.external_name = std::move(name);
}

}  // namespace

Service decode_service(const JsonCursor& object, Metadata metadata) {
  Service out;
  out.metadata = std::move(metadata);
  if (!object.has("spec")) object.problem(FindingCode::kFieldMissing, "spec", "is required");
  auto spec = object.object("spec");
  out.type = decode_type(spec);
  decode_cluster_ips(spec, out);
  if (out.type == Service::Type::kExternalName) decode_external_name(spec, out);
  decode_external_ips(object, spec, out);
  // An empty selector means the same as none (Kubernetes API, ServiceSpec.selector): it must never select everything.
  if (auto selector = decode_labels(spec, "selector"); !selector.empty()) out.selector = std::move(selector);
  decode_ports(spec, out);
  decode_affinity(spec, out);
  out.internal_local = decode_choice(spec, "internalTrafficPolicy", {"Cluster", "Local"}) == "Local";
  out.external_local = decode_choice(spec, "externalTrafficPolicy", {"Cluster", "Local"}) == "Local";
  out.publish_not_ready = spec.boolean("publishNotReadyAddresses", false);
  out.distribution = decode_distribution(spec);
  if (!spec.items("loadBalancerSourceRanges").empty())
    spec.warning(FindingCode::kUnsupported, "loadBalancerSourceRanges", "is not enforced: every source is let through");
  return out;
}

}  // namespace weft
