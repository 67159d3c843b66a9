#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "agent/model/decode_object.hpp"
#include "agent/model/names.hpp"

namespace weft {
namespace {

constexpr std::size_t kMostEndpoints = 1000;
constexpr std::size_t kMostPorts = 20000;
constexpr std::size_t kMostAddresses = 100;
constexpr std::size_t kMostHints = 8;

bool within(const JsonCursor& parent, std::string_view key, std::size_t count, std::size_t most) {
  if (count > most)
    parent.problem(FindingCode::kTooMany, key, fmt::format("has {} entries; at most {} are allowed", count, most));
  return count <= most;
}

void decode_ports(const JsonCursor& object, EndpointSlice& out) {
  auto ports = object.objects("ports");
  if (!within(object, "ports", ports.size(), kMostPorts)) return;
  std::set<std::string> names;
  for (const auto& in : ports) {
    auto name = decode_reference(in, "name", NameRule::kLabel);
    if (!names.insert(name).second)
      in.problem(FindingCode::kDuplicateEntry, "name", in_quotes(name) + " is the name of another port too");
    auto protocol = decode_protocol(in);
    if (!in.has("port")) {
      in.warning(FindingCode::kUnsupported, "port", "is absent, which means all ports; weft needs a number");
      continue;
    }
    out.ports.push_back({std::move(name), decode_port_number(in, "port"), protocol, decode_app_protocol(in)});
  }
}

void decode_addresses(const JsonCursor& in, bool ipv4, EndpointSlice::Endpoint& out) {
  auto addresses = in.items("addresses");
  if (addresses.empty()) in.problem(FindingCode::kFieldMissing, "addresses", "must hold at least one address");
  if (!within(in, "addresses", addresses.size(), kMostAddresses)) return;
  out.addresses.reserve(addresses.size());
  for (const auto& item : addresses) {
    auto text = item.as_string();
    auto address = text ? decode_address(item, {}, *text) : std::nullopt;
    if (!address) continue;
    if (address->is_v4() != ipv4)
      item.problem(FindingCode::kBadAddress, {},
                   fmt::format("{} is not of the slice's addressType {}", in_quotes(*text), ipv4 ? "IPv4" : "IPv6"));
    out.addresses.push_back(*address);
  }
}

void decode_conditions(const JsonCursor& in, EndpointSlice::Endpoint& out) {
  auto conditions = in.object("conditions");
  out.ready = conditions.boolean("ready", true);
  out.serving = conditions.boolean("serving", out.ready);
  out.terminating = conditions.boolean("terminating", false);
}

std::string decode_zone(const JsonCursor& in, std::string_view key) {
  auto zone = in.string(key);
  if (is_label_value(zone)) return zone;
  in.problem(FindingCode::kBadLabel, key, in_quotes(zone) + " is not a valid zone name");
  return {};
}

std::vector<std::string> decode_hint(const JsonCursor& hints, std::string_view key) {
  std::vector<std::string> out;
  auto entries = hints.objects(key);
  if (!within(hints, key, entries.size(), kMostHints)) return out;
  for (const auto& entry : entries)
    if (auto name = decode_zone(entry, "name"); !name.empty()) out.push_back(std::move(name));
  return out;
}

void decode_target(const JsonCursor& in, const std::string& space, EndpointSlice::Endpoint& out) {
  auto target = in.object("targetRef");
  auto kind = target.string("kind");
  if (kind != "Pod" && kind != "Workload") return;
  out.target_name = decode_reference(target, "name", NameRule::kSubdomain);
  out.target_space = decode_reference(target, "namespace", NameRule::kLabel);
  if (out.target_space.empty() && !out.target_name.empty()) out.target_space = space;
}

EndpointSlice::Endpoint decode_endpoint(const JsonCursor& in, bool ipv4, const std::string& space) {
  EndpointSlice::Endpoint out;
  decode_addresses(in, ipv4, out);
  decode_conditions(in, out);
  out.node = decode_reference(in, "nodeName", NameRule::kSubdomain);
  out.zone = decode_zone(in, "zone");
  auto hints = in.object("hints");
  out.hint_zones = decode_hint(hints, "forZones");
  out.hint_nodes = decode_hint(hints, "forNodes");
  decode_target(in, space, out);
  return out;
}

}  // namespace

EndpointSlice decode_slice(const JsonCursor& object, Metadata metadata) {
  EndpointSlice out;
  out.metadata = std::move(metadata);
  if (auto it = out.metadata.labels.find(kServiceNameLabel); it != out.metadata.labels.end()) out.service = it->second;
  object.required_string("addressType");
  auto type = decode_choice(object, "addressType", {"IPv4", "IPv6", "FQDN"});
  if (type == "FQDN") {
    object.problem(FindingCode::kUnsupported, "addressType", "is FQDN; weft needs slices of type IPv4 or IPv6");
    return out;
  }
  decode_ports(object, out);
  auto endpoints = object.objects("endpoints");
  if (!within(object, "endpoints", endpoints.size(), kMostEndpoints)) return out;
  out.endpoints.reserve(endpoints.size());
  for (const auto& in : endpoints) out.endpoints.push_back(decode_endpoint(in, type == "IPv4", out.metadata.space));
  return out;
}

}  // namespace weft
