// A second reading of the API documents of NetworkPolicy and ClusterNetworkPolicy, as plain as possible: every question
// walks through all policies. Shares nothing with the product; policies are values of its own that render to JSON.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace weft::test::naive {

using Labels = std::map<std::string, std::string>;

struct Requirement {
  std::string key;
  std::string op;  // In, NotIn, Exists, DoesNotExist
  std::vector<std::string> values;
};
using Selector = std::vector<Requirement>;

struct Address {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // IPv4 uses the first four
  bool operator==(const Address&) const = default;
};

struct Block {
  Address first;
  unsigned bits = 0;
};

struct Peer {
  std::optional<Selector> spaces, pods, nodes;
  std::optional<Block> block;
  std::vector<Block> except;
};

struct Port {
  std::string protocol;   // "": the API's default, or any for names in cluster policies
  int port = 0, end = 0;  // 0: absent
  std::string name;
};

struct Rule {
  std::string action = "Accept";
  std::optional<std::vector<Peer>> peers;
  std::optional<std::vector<Port>> ports;
};
using Rules = std::optional<std::vector<Rule>>;

struct Policy {
  std::string tier = "NetworkPolicy";  // Admin, NetworkPolicy, Baseline
  int priority = 0;
  std::string space, name;
  bool audit = false;
  Selector pods;
  std::optional<Selector> spaces;  // of cluster policies
  std::optional<std::vector<std::string>> types;
  Rules ingress, egress;
};

struct PodPort {
  std::string name, protocol;
  int port = 0;
};

struct Pod {
  std::string space, name, node;
  Labels labels;
  std::vector<Address> addresses;
  std::vector<PodPort> ports;
  bool host_network = false;
};

struct Node {
  std::string name;
  Labels labels;
  std::vector<Address> addresses;
};

struct World {
  std::map<std::string, Labels> spaces;
  std::vector<Pod> pods;
  std::vector<Node> nodes;
  std::vector<Address> outside;
  std::vector<Policy> policies;
};

// One end of a connection.
struct End {
  const Pod* pod = nullptr;
  const Node* node = nullptr;
  Address address;
  const World* world = nullptr;  // whose labels of namespaces count for it
};

struct Question {
  const End* subject;
  const End* peer;
  bool ingress;
  std::string protocol;  // TCP, UDP, SCTP, ICMP
  int port;
};

struct Answer {
  bool allowed = true;
  std::string reason = "no_policy";
  std::set<std::string> names;  // any of these may be named: "Admin /p 0", "NetworkPolicy shop/q -1"
};

inline bool matches(const Selector& selector, const Labels& labels) {
  for (const auto& r : selector) {
    auto it = labels.find(r.key);
    bool present = it != labels.end(), listed = false;
    for (const auto& value : r.values) listed = listed || (present && it->second == value);
    if (r.op == "In" && !listed) return false;
    if (r.op == "NotIn" && listed) return false;
    if (r.op == "Exists" && !present) return false;
    if (r.op == "DoesNotExist" && present) return false;
  }
  return true;
}

inline bool inside(const Block& block, const Address& address) {
  if (block.first.v6 != address.v6) return false;
  for (unsigned i = 0; i < block.bits; ++i) {
    auto bit = 0x80U >> (i % 8);
    if ((block.first.bytes[i / 8] & bit) != (address.bytes[i / 8] & bit)) return false;
  }
  return true;
}

class Evaluator {
 public:
  explicit Evaluator(const World& world) : world_(world) {}

  Answer judge(const Question& q, bool with_audited) const {
    if (q.ingress && q.peer->node != nullptr && q.peer->node->name == "node-a") return {true, "own_node", {}};
    if (is_same(q.peer->pod, q.subject->pod)) return {true, "itself", {}};
    if (auto answer = ordered("Admin", q, with_audited)) return *answer;
    if (auto answer = network(q, with_audited)) return *answer;
    if (auto answer = ordered("Baseline", q, with_audited)) return *answer;
    return {};
  }

  bool is_selected(const Pod& pod, bool audited) const {
    for (const auto& policy : world_.policies)
      if (policy.audit == audited && (applies(policy, true) || applies(policy, false)) && selects(policy, pod))
        return true;
    return false;
  }

 private:
  static bool is_same(const Pod* a, const Pod* b) {
    return a != nullptr && b != nullptr && a->space == b->space && a->name == b->name;
  }

  static bool has_rules(const Rules& rules) { return rules && !rules->empty(); }

  static bool applies(const Policy& policy, bool ingress) {
    if (policy.tier != "NetworkPolicy") return has_rules(ingress ? policy.ingress : policy.egress);
    if (policy.types && !policy.types->empty()) {
      for (const auto& type : *policy.types)
        if (type == (ingress ? "Ingress" : "Egress")) return true;
      return false;
    }
    return ingress || has_rules(policy.egress);
  }

  bool selects(const Policy& policy, const Pod& pod) const {
    if (pod.host_network) return false;
    if (policy.tier == "NetworkPolicy" && policy.space != pod.space) return false;
    if (policy.spaces && !matches(*policy.spaces, space_labels(pod.space, world_))) return false;
    return matches(policy.pods, pod.labels);
  }

  static Labels space_labels(const std::string& space, const World& world) {
    auto labels = world.spaces.at(space);
    labels["kubernetes.io/metadata.name"] = space;
    return labels;
  }

  bool peer_matches(const Peer& peer, const Policy& policy, const End& end) const {
    if (peer.block) {
      if (!inside(*peer.block, end.address)) return false;
      for (const auto& except : peer.except)
        if (inside(except, end.address)) return false;
      return true;
    }
    if (peer.nodes) return end.node != nullptr && matches(*peer.nodes, end.node->labels);
    if (end.pod == nullptr) return false;
    if (!peer.spaces && end.pod->space != policy.space) return false;
    if (peer.spaces && !matches(*peer.spaces, space_labels(end.pod->space, end.world ? *end.world : world_)))
      return false;
    return !peer.pods || matches(*peer.pods, end.pod->labels);
  }

  static bool port_matches(const Port& port, const Policy& policy, const Question& q) {
    if (!port.name.empty()) {
      const auto& server = q.ingress ? *q.subject : *q.peer;
      if (server.pod == nullptr) return false;
      bool any_protocol = policy.tier != "NetworkPolicy";
      auto protocol = port.protocol.empty() ? "TCP" : port.protocol;
      for (const auto& own : server.pod->ports)
        if (own.name == port.name && own.protocol == q.protocol && own.port == q.port &&
            (any_protocol || own.protocol == protocol))
          return true;
      return false;
    }
    if (q.protocol != (port.protocol.empty() ? "TCP" : port.protocol)) return false;
    if (port.port == 0) return true;
    return q.port >= port.port && q.port <= (port.end == 0 ? port.port : port.end);
  }

  bool rule_matches(const Rule& rule, const Policy& policy, const Question& q) const {
    bool peer = !rule.peers || rule.peers->empty();
    if (!peer)
      for (const auto& p : *rule.peers) peer = peer || peer_matches(p, policy, *q.peer);
    bool port = !rule.ports || rule.ports->empty();
    if (!port)
      for (const auto& p : *rule.ports) port = port || port_matches(p, policy, q);
    return peer && port;
  }

  static std::string name_of(const Policy& policy, int index) {
    return policy.tier + " " + policy.space + "/" + policy.name + " " + std::to_string(index);
  }

  // Of equal priorities each policy has a say: a denial wins, then what passes.
  std::optional<Answer> ordered(const std::string& tier, const Question& q, bool with_audited) const {
    std::map<int, std::map<std::string, std::set<std::string>>> said;  // priority → action → rules
    for (const auto& policy : world_.policies) {
      if (policy.tier != tier || (policy.audit && !with_audited) || !selects(policy, *q.subject->pod)) continue;
      const auto& rules = q.ingress ? policy.ingress : policy.egress;
      if (!rules) continue;
      for (std::size_t i = 0; i < rules->size(); ++i)
        if (rule_matches((*rules)[i], policy, q)) {
          said[policy.priority][(*rules)[i].action].insert(name_of(policy, static_cast<int>(i)));
          break;
        }
    }
    if (said.empty()) return std::nullopt;
    auto& first = said.begin()->second;
    auto reason = tier == "Admin" ? "admin" : "baseline";
    if (first.contains("Deny")) return Answer{false, reason, first["Deny"]};
    if (first.contains("Pass")) return std::nullopt;
    return Answer{true, reason, first["Accept"]};
  }

  std::optional<Answer> network(const Question& q, bool with_audited) const {
    Answer allowed{true, "network", {}}, denied{false, "default_deny", {}};
    for (const auto& policy : world_.policies) {
      if (policy.tier != "NetworkPolicy" || (policy.audit && !with_audited)) continue;
      if (!selects(policy, *q.subject->pod) || !applies(policy, q.ingress)) continue;
      denied.names.insert(name_of(policy, -1));
      const auto& rules = q.ingress ? policy.ingress : policy.egress;
      for (std::size_t i = 0; rules && i < rules->size(); ++i)
        if (rule_matches((*rules)[i], policy, q)) allowed.names.insert(name_of(policy, static_cast<int>(i)));
    }
    if (denied.names.empty()) return std::nullopt;
    return allowed.names.empty() ? denied : allowed;
  }

  const World& world_;
};

}  // namespace weft::test::naive
