#include "agent/compile/policy_draft.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "agent/base/cidr.hpp"
#include "agent/compile/policy_yaml.hpp"
#include "agent/model/controller_labels.hpp"
#include "weft/abi/policy.h"

namespace weft {
namespace {

constexpr std::size_t kMostBlocks = 16;    // a family and rule; people shall be able to read it
constexpr std::size_t kLongestName = 240;  // of 253 that the API allows
constexpr std::array<std::uint8_t, 5> kBitsV4{32, 24, 16, 8, 0};
constexpr std::array<std::uint8_t, 5> kBitsV6{128, 64, 48, 32, 0};

using Port = std::pair<std::uint8_t, std::uint16_t>;  // protocol, number

// Labels that every pod of a workload had.
class CommonLabels {
 public:
  void add(const SeenEnd& end) {
    auto labels = lasting_labels(end.pod->metadata.labels);
    auto [it, fresh] = by_name_.try_emplace(workload_of(*end.pod), labels);
    if (fresh) return;
    std::erase_if(it->second, [&](const auto& label) {
      auto other = labels.find(label.first);
      return other == labels.end() || other->second != label.second;
    });
  }
  const Labels& of(const NamespacedName& name) const { return by_name_.at(name); }

 private:
  std::map<NamespacedName, Labels> by_name_;
};

// Whom one workload talked with in one direction, and where.
struct Side {
  std::map<NamespacedName, std::set<Port>> workloads;
  std::map<IpAddress, std::set<Port>> addresses;

  void add(const SeenEnd& peer, Port port) {
    if (peer.pod)
      workloads[workload_of(*peer.pod)].insert(port);
    else
      addresses[peer.address].insert(port);
  }
};

struct Subject {
  std::array<Side, WEFT_DIRECTION_COUNT> sides;
  std::uint64_t connections = 0;
  std::uint64_t inexpressible = 0;
};

using Subjects = std::map<NamespacedName, Subject>;

bool matches(const NamespacedName& wanted, const NamespacedName& name) {
  return (wanted.first.empty() || wanted.first == name.first) &&
         (wanted.second.empty() || wanted.second == name.second);
}

std::string ports_text(const std::set<Port>& ports) {
  std::string text;
  for (const auto& [protocol, port] : ports)
    text += fmt::format("    - {{protocol: {}, port: {}}}\n", protocol_name(static_cast<Protocol>(protocol)), port);
  return text;
}

std::string rule_text(std::string_view direction_word, const std::set<std::string>& peers,
                      const std::set<Port>& ports) {
  std::string text = fmt::format("  - {}:\n", direction_word);
  for (const auto& peer : peers) text += peer;
  return text + "    ports:\n" + ports_text(ports);
}

std::string peer_text(const NamespacedName& peer, const NamespacedName& subject, const Labels& labels) {
  auto text = fmt::format("    - podSelector: {}\n", selector_words(labels));
  if (peer.first != subject.first)
    text += fmt::format("      namespaceSelector: {}\n", space_selector_words(peer.first));
  return text;
}

// One rule for each set of ports: whoever was seen on the same ones is listed together.
std::string side_text(const NamespacedName& subject, const Side& side, weft_direction direction,
                      const CommonLabels& labels) {
  bool ingress = direction == WEFT_INGRESS;
  std::map<std::set<Port>, std::set<std::string>> rules;
  std::map<std::set<Port>, std::vector<IpAddress>> addresses;
  for (const auto& [peer, ports] : side.workloads) rules[ports].insert(peer_text(peer, subject, labels.of(peer)));
  for (const auto& [address, ports] : side.addresses) addresses[ports].push_back(address);
  for (const auto& [ports, list] : addresses)
    for (const auto& block : covering_blocks(list, kMostBlocks))
      rules[ports].insert(fmt::format("    - ipBlock: {{cidr: \"{}\"}}\n", block));
  auto name = ingress ? "ingress" : "egress";
  if (rules.empty()) return fmt::format("  {}: []\n", name);
  auto text = fmt::format("  {}:\n", name);
  for (const auto& [ports, peers] : rules) text += rule_text(ingress ? "from" : "to", peers, ports);
  return text;
}

std::string policy_name(const std::string& workload) {
  auto name = workload.substr(0, kLongestName);
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return name + "-seen";
}

PolicyDraft draft_of(const NamespacedName& name, const Subject& subject, const CommonLabels& labels) {
  PolicyDraft draft{name, "", "", subject.connections, subject.inexpressible};
  if (labels.of(name).empty()) {
    draft.problem = "its pods have no label that all of them have: a policy would select the whole namespace";
    return draft;
  }
  draft.manifest = fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {}, namespace: {}}}\nspec:\n"
      "  podSelector: {}\n  policyTypes: [Ingress, Egress]\n",
      policy_name(name.second), name.first, selector_words(labels.of(name)));
  for (auto direction : {WEFT_INGRESS, WEFT_EGRESS})
    draft.manifest += side_text(name, subject.sides[direction], direction, labels);
  return draft;
}

// Nobody can deny what a node sends to its own pods.
bool needs_rule(const SeenConnections& connection, const NodeFacts& facts) {
  const auto& server = *connection.server;
  bool judged_here = !server.process && (server.pod->node.empty() || server.pod->node == facts.name);
  if (connection.client->pod || !judged_here) return true;
  return std::ranges::find(facts.addresses, connection.client->address) == facts.addresses.end();
}

Subjects subjects_of(std::span<const SeenConnections> seen, const NodeFacts& facts) {
  Subjects subjects;
  for (const auto& connection : seen) {
    if (connection.allowed == 0) continue;
    bool expressible = has_ports(connection.protocol);
    auto note = [&](const SeenEnd& own, const SeenEnd& peer, weft_direction direction) {
      if (!own.pod) return;
      auto& subject = subjects[workload_of(*own.pod)];
      (expressible ? subject.connections : subject.inexpressible) += connection.allowed;
      if (expressible && (direction == WEFT_EGRESS || needs_rule(connection, facts)))
        subject.sides[direction].add(peer, {connection.protocol, connection.port});
    };
    note(*connection.client, *connection.server, WEFT_EGRESS);
    note(*connection.server, *connection.client, WEFT_INGRESS);
  }
  return subjects;
}

}  // namespace

std::vector<std::string> covering_blocks(const std::vector<IpAddress>& addresses, std::size_t most) {
  std::vector<std::string> all;
  for (bool v4 : {true, false}) {
    std::set<std::string> blocks;
    for (auto bits : v4 ? kBitsV4 : kBitsV6) {
      blocks.clear();
      for (const auto& address : addresses)
        if (address.is_v4() == v4) blocks.insert(Cidr::around(address, bits).text());
      if (blocks.size() <= most) break;
    }
    all.insert(all.end(), blocks.begin(), blocks.end());
  }
  return all;
}

std::vector<PolicyDraft> draft_policies(std::span<const SeenConnections> seen, const NodeFacts& facts,
                                        const NamespacedName& wanted) {
  CommonLabels labels;
  for (const auto& connection : seen)
    for (const auto& end : {connection.client, connection.server})
      if (end->pod) labels.add(*end);
  std::vector<PolicyDraft> drafts;
  for (const auto& [name, subject] : subjects_of(seen, facts))
    if (matches(wanted, name)) drafts.push_back(draft_of(name, subject, labels));
  return drafts;
}

}  // namespace weft
