// Namespace, Node, Pod and our own Workload: who runs where.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/model/decode_object.hpp"
#include "agent/model/names.hpp"

namespace weft {
namespace {

constexpr std::string_view kZoneLabel = "topology.kubernetes.io/zone";
constexpr std::string_view kRegionLabel = "topology.kubernetes.io/region";
constexpr std::string_view kTemplateHashLabel = "pod-template-hash";
constexpr std::int64_t kLargestUid = 0xFFFFFFFE;  // (uid_t)-1 means "no change" to the kernel
constexpr std::size_t kLongestUnit = 255;         // systemd.unit(5)
constexpr std::size_t kLongestCgroup = 4095;

std::string label_or_empty(const Labels& labels, std::string_view key) {
  auto it = labels.find(key);
  return it == labels.end() ? std::string() : it->second;
}

std::vector<IpAddress> decode_pod_addresses(const JsonCursor& status) {
  std::vector<IpAddress> out;
  auto add = [&](const JsonCursor& where, std::string_view key, const std::string& text) {
    auto address = text.empty() ? std::nullopt : decode_address(where, key, text);
    if (address && std::ranges::find(out, *address) == out.end()) out.push_back(*address);
  };
  add(status, "podIP", status.string("podIP"));
  for (const auto& item : status.objects("podIPs")) add(item, "ip", item.string("ip"));
  return out;
}

// Kubernetes always writes conditions; a pod in a file that has none at all is taken to be well.
bool decode_pod_ready(const JsonCursor& status, const std::string& phase) {
  if (!status.has("conditions")) return phase == "Running" || phase.empty();
  for (const auto& condition : status.objects("conditions"))
    if (condition.string("type") == "Ready") return condition.string("status") == "True";
  return false;
}

void decode_container_ports(const JsonCursor& container, std::vector<NamedPort>& out) {
  for (const auto& in : container.objects("ports")) {
    NamedPort port{in.string("name"), decode_port_number(in, "containerPort"), decode_protocol(in), {}};
    if (!port.name.empty() && !is_port_name(port.name))
      in.problem(FindingCode::kBadName, "name",
                 in_quotes(port.name) + " is not a port name (a-z, 0-9 and '-', at most 15)");
    out.push_back(std::move(port));
  }
}

void decode_pod_ports(const JsonCursor& spec, Pod& out) {
  for (const auto& container : spec.objects("containers")) decode_container_ports(container, out.ports);
  for (const auto& container : spec.objects("initContainers"))
    if (container.string("restartPolicy") == "Always") decode_container_ports(container, out.ports);
}

// The workload that a pod belongs to: a Deployment's ReplicaSet is called DEPLOYMENT-HASH, with the hash in a label.
std::string owner_of(const JsonCursor& metadata, const Metadata& pod) {
  for (const auto& reference : metadata.objects("ownerReferences")) {
    if (!reference.boolean("controller", false)) continue;
    auto kind = reference.string("kind");
    auto name = decode_reference(reference, "name", NameRule::kSubdomain);
    if (kind == "Node" || name.empty()) continue;  // mirror pods of a kubelet
    auto suffix = "-" + label_or_empty(pod.labels, kTemplateHashLabel);
    bool of_deployment = kind == "ReplicaSet" && suffix.size() > 1 && name.size() > suffix.size();
    return of_deployment && name.ends_with(suffix) ? name.substr(0, name.size() - suffix.size()) : name;
  }
  return pod.name;
}

bool is_systemd_unit(std::string_view unit) {
  bool characters = std::ranges::all_of(unit, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view(":-_.\\@").find(c) != std::string_view::npos;
  });
  bool type = unit.ends_with(".service") || unit.ends_with(".scope") || unit.ends_with(".slice");
  return characters && type && unit.size() <= kLongestUnit && !unit.starts_with('.');
}

bool is_cgroup_path(std::string_view path) {
  if (path.size() < 2 || path.size() > kLongestCgroup || path[0] != '/') return false;
  if (!std::ranges::all_of(path, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7F; }))
    return false;
  while (!path.empty()) {
    path.remove_prefix(1);
    auto part = path.substr(0, path.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    path.remove_prefix(part.size());
  }
  return true;
}

Workload::Process decode_process(const JsonCursor& spec) {
  Workload::Process out;
  auto process = spec.object("process");
  process.refuse_unknown({"systemdUnit", "cgroup", "uid"});
  if (process.present() && process.has("systemdUnit") + process.has("cgroup") + process.has("uid") != 1)
    process.problem(FindingCode::kFieldValue, {}, "must have exactly one of systemdUnit, cgroup and uid");
  out.systemd_unit = process.string("systemdUnit");
  if (process.has("systemdUnit") && !is_systemd_unit(out.systemd_unit))
    process.problem(FindingCode::kBadName, "systemdUnit",
                    in_quotes(out.systemd_unit) + " is not the name of a unit ending in .service, .scope or .slice");
  out.cgroup = process.string("cgroup");
  if (process.has("cgroup") && !is_cgroup_path(out.cgroup))
    process.problem(FindingCode::kFieldValue, "cgroup",
                    in_quotes(out.cgroup) + " is not a path from the cgroup root like /payments, without '.' and '..'");
  if (auto uid = process.integer("uid", 0, kLargestUid)) out.uid = static_cast<std::uint32_t>(*uid);
  return out;
}

void decode_workload_ports(const JsonCursor& spec, Workload& out) {
  std::set<std::string> names;
  std::set<std::pair<std::uint16_t, Protocol>> numbers;
  for (const auto& in : spec.objects("ports")) {
    in.refuse_unknown({"name", "port", "protocol", "appProtocol"});
    NamedPort port{in.string("name"), decode_port_number(in, "port"), decode_protocol(in), decode_app_protocol(in)};
    if (!port.name.empty() && !is_port_name(port.name))
      in.problem(FindingCode::kBadName, "name",
                 in_quotes(port.name) + " is not a port name (a-z, 0-9 and '-', at most 15)");
    if (!port.name.empty() && !names.insert(port.name).second)
      in.problem(FindingCode::kDuplicateEntry, "name", in_quotes(port.name) + " is the name of another port too");
    if (port.port != 0 && !numbers.emplace(port.port, port.protocol).second)
      in.problem(FindingCode::kDuplicateEntry, "port",
                 fmt::format("{}/{} is there twice", port.port, protocol_name(port.protocol)));
    out.ports.push_back(std::move(port));
  }
}

std::string account_or_default(const JsonCursor& spec, std::string_view key) {
  auto account = decode_reference(spec, key, NameRule::kSubdomain);
  return account.empty() ? "default" : account;
}

}  // namespace

Namespace decode_namespace(const JsonCursor&, Metadata metadata) { return {std::move(metadata)}; }

Node decode_node(const JsonCursor& object, Metadata metadata) {
  Node out;
  out.zone = label_or_empty(metadata.labels, kZoneLabel);
  out.region = label_or_empty(metadata.labels, kRegionLabel);
  out.metadata = std::move(metadata);
  auto status = object.object("status");
  for (const auto& entry : status.objects("addresses")) {
    auto type = entry.string("type");
    if (type != "InternalIP" && type != "ExternalIP") continue;
    if (auto address = decode_address(entry, "address", entry.required_string("address")))
      out.addresses.push_back(*address);
  }
  return out;
}

Pod decode_pod(const JsonCursor& object, Metadata metadata) {
  Pod out;
  auto spec = object.object("spec");
  auto status = object.object("status");
  auto in_metadata = object.object("metadata");
  out.node = decode_reference(spec, "nodeName", NameRule::kSubdomain);
  out.service_account = account_or_default(spec, "serviceAccountName");
  out.host_network = spec.boolean("hostNetwork", false);
  out.owner = owner_of(in_metadata, metadata);
  out.addresses = decode_pod_addresses(status);
  auto phase = status.string("phase");
  out.running = !out.addresses.empty() && (phase.empty() || phase == "Running" || phase == "Pending");
  out.ready = out.running && decode_pod_ready(status, phase);
  decode_pod_ports(spec, out);
  out.metadata = std::move(metadata);
  return out;
}

Workload decode_workload(const JsonCursor& object, Metadata metadata) {
  Workload out;
  out.metadata = std::move(metadata);
  refuse_unknown_around(object);
  if (!object.has("spec")) object.problem(FindingCode::kFieldMissing, "spec", "is required");
  auto spec = object.object("spec");
  spec.refuse_unknown({"node", "process", "addresses", "ports", "serviceAccount"});
  out.node = decode_reference(spec, "node", NameRule::kSubdomain);
  out.process = decode_process(spec);
  for (const auto& item : spec.items("addresses"))
    if (auto text = item.as_string())
      if (auto address = decode_address(item, {}, *text)) out.addresses.push_back(*address);
  decode_workload_ports(spec, out);
  out.service_account = account_or_default(spec, "serviceAccount");
  return out;
}

}  // namespace weft
