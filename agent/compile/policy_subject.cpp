#include "agent/compile/policy_subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace weft {
namespace {

constexpr weft_direction kDirections[] = {WEFT_INGRESS, WEFT_EGRESS};
constexpr std::uint32_t kNamed = 1U << 31;  // in a use: the ports that the rule names

struct Use {
  const CompiledRule* rule;
  weft_direction direction;
  PolicyTier tier;
  std::uint16_t precedence;
};

weft_action action_of(RuleAction action) {
  switch (action) {
    case RuleAction::kAccept:
      return WEFT_ACTION_ACCEPT;
    case RuleAction::kDeny:
      return WEFT_ACTION_DENY;
    case RuleAction::kPass:
      return WEFT_ACTION_PASS;
  }
  return WEFT_ACTION_DENY;
}

weft_peer_class class_of(std::uint32_t peer) {
  if (peer == 0) return WEFT_PEER_CLASS_ANY;
  return peer < WEFT_NETWORK_FIRST ? WEFT_PEER_CLASS_IDENTITY : WEFT_PEER_CLASS_NETWORK;
}

std::vector<PortBlock> resolve(const std::vector<PolicyPort>& named, const std::vector<NamedPort>& ports) {
  std::vector<PortBlock> out;
  for (const auto& wanted : named)
    for (const auto& port : ports)
      if (port.name == wanted.name && (!wanted.protocol || *wanted.protocol == port.protocol))
        append_port_blocks(port.protocol, port.port, port.port, out);
  return out;
}

class SubjectMaker {
 public:
  SubjectMaker(const SubjectParts& parts, const PolicyNetworks& networks) : parts_(parts), networks_(networks) {
    for (auto direction : kDirections) {
      use_ordered(PolicyTier::kAdmin, direction);
      use_network_policies(direction);
      use_ordered(PolicyTier::kBaseline, direction);
    }
  }

  std::shared_ptr<const SubjectTable> make(std::uint32_t id) {
    auto table = std::make_shared<SubjectTable>();
    table->id = id;
    table->row.audit = parts_.audit;
    for (auto direction : kDirections) isolate(direction, table->row.side[direction]);
    collect_peers();
    std::ranges::sort(pairs_);
    make_templates(*table);
    for (const auto& [peer, index] : table->peers)
      for (const auto& row : table->templates[index])
        table->row.side[row.kind >> 4].shapes[class_of(peer)] |= static_cast<std::uint8_t>(1U << (row.kind & 0xF));
    return table;
  }

 private:
  void use_ordered(PolicyTier tier, weft_direction direction) {
    std::uint16_t precedence = 0;
    for (const auto* rule : order_rules(parts_.policies, tier, direction)) {
      uses_.push_back({rule, direction, tier, precedence});
      if (precedence < UINT16_MAX) ++precedence;
    }
  }

  void use_network_policies(weft_direction direction) {
    for (const auto* policy : parts_.policies)
      if (policy->object->tier == PolicyTier::kNetwork)
        for (const auto& rule : policy->rules[direction]) uses_.push_back({&rule, direction, PolicyTier::kNetwork, 0});
  }

  void isolate(weft_direction direction, weft_subject_side& side) const {
    for (const auto* policy : parts_.policies) {
      if (policy->object->tier != PolicyTier::kNetwork || !side_of(*policy->object, direction).applies) continue;
      side.flags = WEFT_SIDE_ISOLATED;
      side.isolated_by = policy->isolates[direction];
      return;
    }
  }

  // Which rules speak about which peers.
  void collect_peers() {
    for (std::uint32_t i = 0; i < uses_.size(); ++i) {
      const auto& rule = *uses_[i].rule;
      if (rule.any_peer) pairs_.emplace_back(0, i);
      for (const auto& set : rule.sets)
        for (const auto* peer : set->classes) pairs_.emplace_back(peer->identity, i);
      for (const auto& block : rule.blocks)
        for (auto network : networks_.networks_in(block)) pairs_.emplace_back(network, i);
      for (const auto& set : rule.named_sets)
        for (const auto* peer : set->classes)
          if (!resolve(rule.named, peer->ports).empty()) add_named(*peer, i);
    }
  }

  void add_named(const PeerClass& peer, std::uint32_t use) {
    pairs_.emplace_back(peer.identity, use | kNamed);
    ports_of_[peer.identity] = &peer.ports;
  }

  const std::vector<NamedPort>& ports_of(std::uint32_t peer) const {
    static const std::vector<NamedPort> none;
    auto it = ports_of_.find(peer);
    return it == ports_of_.end() ? none : *it->second;
  }

  void make_templates(SubjectTable& table) {
    std::map<std::pair<std::vector<std::uint32_t>, std::string>, std::uint32_t> known;
    std::vector<std::uint32_t> rules;
    for (std::size_t i = 0; i < pairs_.size();) {
      auto peer = pairs_[i].first;
      rules.clear();
      for (; i < pairs_.size() && pairs_[i].first == peer; ++i)
        if (rules.empty() || rules.back() != pairs_[i].second) rules.push_back(pairs_[i].second);
      const auto& ports = ports_of(peer);
      std::string names;
      for (const auto& port : ports)
        names += fmt::format("{}/{}={};", port.name, protocol_name(port.protocol), port.port);
      auto [it, added] = known.try_emplace({rules, names}, static_cast<std::uint32_t>(table.templates.size()));
      if (added) table.templates.push_back(make_template(rules, ports));
      if (!table.templates[it->second].empty()) table.peers.emplace_back(peer, it->second);
    }
  }

  // Rules come in the order in which they decide, so the first to fill a place keeps it.
  SubjectTable::Template make_template(std::vector<std::uint32_t> rules, const std::vector<NamedPort>& ports) const {
    std::map<std::tuple<std::uint8_t, std::uint8_t, std::uint16_t>, weft_policy> rows;
    std::ranges::sort(rules, {}, [](std::uint32_t use) { return std::pair(use & ~kNamed, use); });
    for (auto index : rules) {
      const auto& use = uses_[index & ~kNamed];
      for (const auto& block : blocks_of(use, (index & kNamed) != 0, ports))
        add(use, rows[{WEFT_POLICY_KIND(use.direction, block.shape), block.protocol, block.first}]);
    }
    SubjectTable::Template out;
    for (const auto& [key, row] : rows)
      out.push_back({Be16::from_host(std::get<2>(key)).raw, std::get<1>(key), std::get<0>(key), row});
    return out;
  }

  std::vector<PortBlock> blocks_of(const Use& use, bool named, const std::vector<NamedPort>& ports) const {
    if (named) return resolve(use.rule->named, ports);
    auto blocks = use.rule->ports;
    if (use.direction == WEFT_EGRESS) return blocks;
    auto resolved = resolve(use.rule->named, parts_.ports);
    blocks.insert(blocks.end(), resolved.begin(), resolved.end());
    return blocks;
  }

  static void add(const Use& use, weft_policy& row) {
    weft_tier_rule rule{use.rule->id, use.precedence, static_cast<std::uint8_t>(action_of(use.rule->action)), 0};
    if (use.tier == PolicyTier::kAdmin && row.admin.action == WEFT_ACTION_NONE) row.admin = rule;
    if (use.tier == PolicyTier::kBaseline && row.baseline.action == WEFT_ACTION_NONE) row.baseline = rule;
    if (use.tier == PolicyTier::kNetwork && row.allow == 0) row.allow = use.rule->id;
  }

  const SubjectParts& parts_;
  const PolicyNetworks& networks_;
  std::vector<Use> uses_;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs_;  // peer, use
  std::map<std::uint32_t, const std::vector<NamedPort>*> ports_of_;
};

}  // namespace

std::string SubjectParts::content() const {
  std::string out;
  for (const auto* policy : policies) out += fmt::format("{},", policy->serial);
  for (const auto& port : ports) out += fmt::format("|{}/{}={}", port.name, protocol_name(port.protocol), port.port);
  return audit == 0 ? out : fmt::format("{}|audit {}", out, audit);
}

std::vector<NamedPort> used_ports(const std::vector<const CompiledPolicy*>& policies,
                                  const std::vector<NamedPort>& ports) {
  std::vector<NamedPort> out;
  auto is_used = [&](const NamedPort& port) {
    return std::ranges::any_of(policies, [&](const CompiledPolicy* policy) {
      return std::ranges::any_of(policy->rules[WEFT_INGRESS],
                                 [&](const CompiledRule& rule) { return !resolve(rule.named, {port}).empty(); });
    });
  };
  for (const auto& port : ports)
    if (!port.name.empty() && is_used(port)) out.push_back(port);
  return out;
}

std::shared_ptr<const SubjectTable> make_subject(std::uint32_t id, const SubjectParts& parts,
                                                 const PolicyNetworks& networks) {
  return SubjectMaker(parts, networks).make(id);
}

std::uint64_t subject_version(const SubjectParts& parts, std::uint64_t networks_version) {
  std::uint64_t version = 0;
  bool blocks = false;
  for (const auto* policy : parts.policies)
    for (const auto& rules : policy->rules)
      for (const auto& rule : rules) {
        for (const auto& set : rule.sets) version += set->version;
        for (const auto& set : rule.named_sets) version += set->version;
        blocks = blocks || !rule.blocks.empty();
      }
  return version + (blocks ? networks_version : 0);
}

}  // namespace weft
