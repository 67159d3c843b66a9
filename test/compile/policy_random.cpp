#include "test/compile/policy_random.hpp"

#include <algorithm>

namespace weft::test {
namespace {

using naive::Address;
using naive::Block;
using nlohmann::json;

const std::vector<std::string> kSpaces{"x", "y", "z"};
const std::vector<std::string> kKeys{"app", "tier", "pod-template-hash"};
const std::vector<std::string> kValues{"a", "b", "c"};
const std::vector<std::string> kProtocols{"TCP", "UDP", "SCTP"};
const std::vector<std::string> kPortNames{"http", "dns", "admin"};
const std::vector<std::pair<int, int>> kRanges{
    {80, 0},        {81, 0},        {443, 0},   {80, 90}, {80, 81},     {1000, 1100}, {1024, 65535},
    {30000, 32767}, {1, 65535},     {65535, 0}, {1, 0},   {8001, 8064}, {8000, 8064}, {4096, 8191},
    {256, 511},     {65000, 65535}, {8080, 0},  {79, 92}, {1000, 8190}, {4096, 4350}, {17, 95}};

std::string text_of(const Block& block) { return test::text_of(block.first) + "/" + std::to_string(block.bits); }

json selector_json(const naive::Selector& selector) {
  json out = json::object();
  for (const auto& r : selector) {
    if (r.op == "In" && r.values.size() == 1 && !out["matchLabels"].contains(r.key)) {
      out["matchLabels"][r.key] = r.values[0];
      continue;
    }
    json expression = {{"key", r.key}, {"operator", r.op}};
    if (!r.values.empty()) expression["values"] = r.values;
    out["matchExpressions"].push_back(expression);
  }
  if (out.contains("matchLabels") && out["matchLabels"].is_null()) out.erase("matchLabels");
  return out;
}

json network_peer_json(const naive::Peer& peer) {
  json out = json::object();
  if (peer.block) {
    out["ipBlock"]["cidr"] = text_of(*peer.block);
    for (const auto& except : peer.except) out["ipBlock"]["except"].push_back(text_of(except));
  }
  if (peer.spaces) out["namespaceSelector"] = selector_json(*peer.spaces);
  if (peer.pods) out["podSelector"] = selector_json(*peer.pods);
  return out;
}

json cluster_peer_json(const naive::Peer& peer) {
  if (peer.block) return {{"networks", {text_of(*peer.block)}}};
  if (peer.nodes) return {{"nodes", selector_json(*peer.nodes)}};
  if (!peer.pods) return {{"namespaces", selector_json(*peer.spaces)}};
  return {{"pods", {{"namespaceSelector", selector_json(*peer.spaces)}, {"podSelector", selector_json(*peer.pods)}}}};
}

json network_port_json(const naive::Port& port) {
  json out = json::object();
  if (!port.protocol.empty()) out["protocol"] = port.protocol;
  if (!port.name.empty()) out["port"] = port.name;
  if (port.port != 0) out["port"] = port.port;
  if (port.end != 0) out["endPort"] = port.end;
  return out;
}

json cluster_port_json(const naive::Port& port) {
  if (!port.name.empty()) return {{"destinationNamedPort", port.name}};
  json number =
      port.end == 0 ? json{{"number", port.port}} : json{{"range", {{"start", port.port}, {"end", port.end}}}};
  auto key = port.protocol == "UDP" ? "udp" : port.protocol == "SCTP" ? "sctp" : "tcp";
  return {{key, {{"destinationPort", number}}}};
}

json rules_json(const std::vector<naive::Rule>& rules, bool cluster, const char* peers_key) {
  json out = json::array();
  for (const auto& rule : rules) {
    json item = json::object();
    if (cluster) item["action"] = rule.action;
    if (rule.peers) {
      item[peers_key] = json::array();
      for (const auto& p : *rule.peers)
        item[peers_key].push_back(cluster ? cluster_peer_json(p) : network_peer_json(p));
    }
    auto ports_key = cluster ? "protocols" : "ports";
    if (rule.ports) {
      item[ports_key] = json::array();
      for (const auto& p : *rule.ports)
        item[ports_key].push_back(cluster ? cluster_port_json(p) : network_port_json(p));
    }
    out.push_back(item);
  }
  return out;
}

}  // namespace

std::string text_of(const Address& a) {
  char out[64];
  if (!a.v6)
    std::snprintf(out, sizeof out, "%u.%u.%u.%u", a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3]);
  else
    std::snprintf(out, sizeof out, "%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x:%02x%02x",
                  a.bytes[0], a.bytes[1], a.bytes[2], a.bytes[3], a.bytes[4], a.bytes[5], a.bytes[6], a.bytes[7],
                  a.bytes[8], a.bytes[9], a.bytes[10], a.bytes[11], a.bytes[12], a.bytes[13], a.bytes[14], a.bytes[15]);
  return out;
}

json to_json(const naive::Policy& policy) {
  bool cluster = policy.tier != "NetworkPolicy";
  json metadata = {{"name", policy.name}};
  if (!cluster) metadata["namespace"] = policy.space;
  if (policy.audit) metadata["annotations"]["mesh.weft.dev/mode"] = "audit";
  json spec = json::object();
  if (cluster) {
    spec = {{"tier", policy.tier}, {"priority", policy.priority}};
    spec["subject"]["pods"] = {{"namespaceSelector", selector_json(*policy.spaces)},
                               {"podSelector", selector_json(policy.pods)}};
  } else {
    spec["podSelector"] = selector_json(policy.pods);
    if (policy.types) spec["policyTypes"] = *policy.types;
  }
  if (policy.ingress) spec["ingress"] = rules_json(*policy.ingress, cluster, "from");
  if (policy.egress) spec["egress"] = rules_json(*policy.egress, cluster, "to");
  return {{"apiVersion", cluster ? "policy.networking.k8s.io/v1alpha2" : "networking.k8s.io/v1"},
          {"kind", cluster ? "ClusterNetworkPolicy" : "NetworkPolicy"},
          {"metadata", metadata},
          {"spec", spec}};
}

json to_json(const naive::Pod& pod) {
  json ports = json::array(), addresses = json::array();
  for (const auto& p : pod.ports)
    ports.push_back({{"name", p.name}, {"containerPort", p.port}, {"protocol", p.protocol}});
  for (const auto& a : pod.addresses) addresses.push_back({{"ip", text_of(a)}});
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", pod.name}, {"namespace", pod.space}, {"labels", pod.labels}}},
          {"spec", {{"nodeName", pod.node}, {"hostNetwork", pod.host_network}, {"containers", {{{"ports", ports}}}}}},
          {"status", {{"phase", "Running"}, {"podIP", addresses[0]["ip"]}, {"podIPs", addresses}}}};
}

json to_json(const naive::Node& node) {
  json addresses = json::array();
  for (const auto& a : node.addresses) addresses.push_back({{"type", "InternalIP"}, {"address", text_of(a)}});
  return {{"apiVersion", "v1"},
          {"kind", "Node"},
          {"metadata", {{"name", node.name}, {"labels", node.labels}}},
          {"status", {{"addresses", addresses}}}};
}

naive::Labels PolicyRandom::labels() {
  naive::Labels out;
  for (const auto& key : kKeys)
    if (chance(60)) out[key] = one_of(kValues);
  return out;
}

naive::Selector PolicyRandom::selector() {
  naive::Selector out;
  for (int i = below(3); i > 0; --i) {
    naive::Requirement r{one_of(kKeys), one_of<std::string>({"In", "In", "NotIn", "Exists", "DoesNotExist"}), {}};
    if (r.op == "In" || r.op == "NotIn") r.values.push_back(one_of(kValues));
    if (!r.values.empty() && chance(40)) r.values.push_back(one_of(kValues));
    out.push_back(r);
  }
  return out;
}

// All addresses lie in a small space, so that blocks, pods and nodes meet.
Address PolicyRandom::address(int host, bool v6) {
  Address out;
  out.v6 = v6;
  if (v6)
    out.bytes = {0xfd,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 0,
                 static_cast<std::uint8_t>(host >> 4),
                 static_cast<std::uint8_t>(host)};
  else
    out.bytes = {10, 0, static_cast<std::uint8_t>(host >> 4), static_cast<std::uint8_t>(host)};
  return out;
}

Block PolicyRandom::block() {
  bool v6 = chance(30);
  unsigned whole = v6 ? 128 : 32;
  Block out{address(below(64), v6), whole - static_cast<unsigned>(one_of<int>({0, 1, 2, 3, 4, 5, 8, 12, 16, 24, 32}))};
  if (chance(10)) out.bits = 0;
  for (unsigned i = out.bits; i < whole; ++i)
    out.first.bytes[i / 8] = static_cast<std::uint8_t>(out.first.bytes[i / 8] & ~(0x80U >> (i % 8)));
  return out;
}

naive::Peer PolicyRandom::block_peer() {
  naive::Peer out;
  out.block = block();
  for (int tries = below(6); tries > 0; --tries)
    if (auto except = block(); naive::inside(*out.block, except.first) && except.bits > out.block->bits)
      out.except.push_back(except);
  return out;
}

naive::Peer PolicyRandom::pod_peer(bool cluster) {
  naive::Peer out;
  if (cluster || chance(50)) out.spaces = selector();
  if (!out.spaces || chance(70)) out.pods = selector();
  return out;
}

naive::Port PolicyRandom::port(bool cluster, bool names) {
  naive::Port out;
  if (cluster || chance(70)) out.protocol = one_of(kProtocols);
  if (names && chance(25)) {
    out.name = one_of(kPortNames);
  } else if (cluster || chance(85)) {
    std::tie(out.port, out.end) = one_of(kRanges);
  }
  return out;
}

naive::Pod PolicyRandom::pod(int number) {
  naive::Pod out{
      one_of(kSpaces), "p" + std::to_string(number), chance(60) ? "node-a" : "node-b", labels(), {}, {}, false};
  out.addresses.push_back(address(number, false));
  if (chance(40)) out.addresses.push_back(address(number, true));
  for (const auto& name : kPortNames)
    if (chance(60)) out.ports.push_back({name, one_of(kProtocols), one_of<int>({80, 81, 443, 8080})});
  return out;
}

naive::Rules PolicyRandom::network_rules() {
  if (chance(25)) return std::nullopt;
  naive::Rules out = std::vector<naive::Rule>();
  for (int i = below(4); i > 0; --i) {
    naive::Rule rule;
    if (chance(85)) {
      rule.peers.emplace();
      for (int n = below(4); n > 0; --n) rule.peers->push_back(chance(45) ? block_peer() : pod_peer(false));
    }
    if (chance(80)) {
      rule.ports.emplace();
      for (int n = below(4); n > 0; --n) rule.ports->push_back(port(false, true));
    }
    out->push_back(rule);
  }
  return out;
}

naive::Policy PolicyRandom::network_policy(int number) {
  naive::Policy out;
  out.space = one_of(kSpaces);
  out.name = "np" + std::to_string(number);
  out.audit = chance(10);
  out.pods = selector();
  if (chance(60)) out.types = one_of<std::vector<std::string>>({{"Ingress"}, {"Egress"}, {"Ingress", "Egress"}, {}});
  out.ingress = network_rules();
  out.egress = network_rules();
  return out;
}

naive::Rule PolicyRandom::cluster_rule(bool ingress) {
  naive::Rule rule;
  rule.action = one_of<std::string>({"Accept", "Deny", "Deny", "Pass"});
  rule.peers.emplace();
  bool only_pods = true;
  for (int n = 1 + below(2); n > 0; --n) {
    int kind = ingress ? 9 : below(10);
    naive::Peer peer = pod_peer(true);
    if (kind < 3) peer = {{}, {}, {}, block(), {}};
    if (kind == 3) peer = {{}, {}, selector(), {}, {}};
    only_pods = only_pods && kind > 3;
    rule.peers->push_back(peer);
  }
  if (chance(60)) {
    rule.ports.emplace();
    for (int n = 1 + below(2); n > 0; --n) rule.ports->push_back(port(true, only_pods));
  }
  return rule;
}

naive::Rules PolicyRandom::cluster_rules(bool ingress, bool sorted) {
  if (chance(20)) return std::nullopt;
  naive::Rules out = std::vector<naive::Rule>();
  for (int i = below(4); i > 0; --i) out->push_back(cluster_rule(ingress));
  auto place = [](const naive::Rule& r) { return r.action == "Deny" ? 0 : r.action == "Pass" ? 1 : 2; };
  if (sorted) std::ranges::stable_sort(*out, {}, place);
  return out;
}

// Policies that share a priority have their denials first: only then the documents and weft promise the same.
naive::Policy PolicyRandom::cluster_policy(int number, bool unique) {
  naive::Policy out;
  out.tier = chance(60) ? "Admin" : "Baseline";
  out.priority = unique ? number * 7 % 1000 : below(2);
  out.name = "cnp" + std::to_string(number);
  out.audit = chance(10);
  out.pods = selector();
  out.spaces = selector();
  out.ingress = cluster_rules(true, !unique);
  out.egress = cluster_rules(false, !unique);
  return out;
}

naive::World PolicyRandom::world() {
  naive::World out;
  for (const auto& space : kSpaces) out.spaces[space] = labels();
  for (int i = 1; i <= 10; ++i) out.pods.push_back(pod(i));
  out.nodes = {{"node-a", labels(), {address(40, false), address(40, true)}},
               {"node-b", labels(), {address(41, false)}}};
  naive::Pod host = pod(20);
  host.host_network = true;
  host.node = "node-a";
  host.addresses = {address(40, false)};
  out.pods.push_back(host);
  for (int i : {0, 15, 16, 31, 50, 63}) out.outside.push_back(address(i, chance(30)));
  for (int i = below(5); i > 0; --i) out.policies.push_back(network_policy(i));
  bool unique = chance(60);
  for (int i = below(5); i > 0; --i) out.policies.push_back(cluster_policy(i, unique));
  return out;
}

void PolicyRandom::change(naive::World& world) {
  auto& pod = world.pods[static_cast<std::size_t>(below(9))];
  int what = below(5);
  if (what == 0) pod.labels = labels();
  if (what == 1) world.spaces[one_of(kSpaces)] = labels();
  if (what == 2 && !world.policies.empty()) world.policies.pop_back();
  if (what == 3) world.policies.push_back(network_policy(++next_policy_));
  if (what == 4) world.pods[0] = this->pod(1);
}

}  // namespace weft::test
