#include "agent/compile/policy_rules.hpp"

#include <algorithm>

#include "agent/compile/policy_networks.hpp"

namespace weft {
namespace {

RuleName rule_name(const Policy& policy, weft_direction direction, std::int32_t index) {
  RuleName out{policy_key(policy), direction, index, {}, policy.tier};
  const auto& rules = side_of(policy, direction).rules;
  if (index >= 0) out.name = rules[static_cast<std::size_t>(index)].name;
  return out;
}

// `visit(direction, index)` for each number that the policy has.
template <class F>
void for_each_number(const Policy& policy, F&& visit) {
  for (auto direction : {WEFT_INGRESS, WEFT_EGRESS}) {
    const auto& side = side_of(policy, direction);
    if (side.applies && policy.tier == PolicyTier::kNetwork) visit(direction, RuleName::kIsolates);
    for (std::size_t i = 0; i < side.rules.size(); ++i) visit(direction, static_cast<std::int32_t>(i));
  }
}

void compile_ports(const PolicyRule& rule, CompiledRule& out) {
  if (rule.any_port) out.ports.push_back({});
  for (const auto& port : rule.ports)
    if (!port.name.empty())
      out.named.push_back(port);
    else if (port.first == 0)
      out.ports.push_back({WEFT_SHAPE_PROTOCOL, static_cast<std::uint8_t>(*port.protocol), 0});
    else
      append_port_blocks(*port.protocol, port.first, port.last, out.ports);
  std::ranges::sort(out.ports);
  auto twice = std::ranges::unique(out.ports);
  out.ports.erase(twice.begin(), twice.end());
}

void compile_peer(const PolicyPeer& peer, const std::string& space, bool named, PolicyClasses& classes,
                  CompiledRule& out) {
  if (const auto* block = std::get_if<NetworkBlock>(&peer)) {
    out.blocks.push_back(block_text(*block));
    if (named) out.named_sets.push_back(classes.set_of_block(out.blocks.back()));
    return;
  }
  const auto* pods = std::get_if<PodSelection>(&peer);
  auto set = pods ? classes.set_of(space, *pods) : classes.set_of(std::get<NodeSelection>(peer));
  out.sets.push_back(set);
  if (named) out.named_sets.push_back(std::move(set));
}

CompiledRule compile_rule(const PolicyRule& rule, const std::string& space, bool egress, PolicyClasses& classes) {
  static const PodSelection everybody{LabelSelector(), {}};
  CompiledRule out;
  out.action = rule.action;
  out.any_peer = rule.any_peer;
  compile_ports(rule, out);
  bool named = egress && !out.named.empty();
  for (const auto& peer : rule.peers) compile_peer(peer, space, named, classes, out);
  if (rule.any_peer && named) out.named_sets.push_back(classes.set_of({}, everybody));
  return out;
}

constexpr int kFirstOfAll = -1;  // priorities of objects begin at 0

struct Queue {
  const CompiledPolicy* policy;
  const std::vector<CompiledRule>* rules;
  std::size_t next = 0;

  // How many rules come before the next one with this action.
  std::size_t distance(RuleAction action) const {
    for (std::size_t i = next; i < rules->size(); ++i)
      if ((*rules)[i].action == action) return i - next;
    return SIZE_MAX;
  }
};

Queue* choose(std::vector<Queue>& queues) {
  for (auto action : {RuleAction::kDeny, RuleAction::kPass, RuleAction::kAccept}) {
    auto best = std::ranges::min_element(queues, {}, [&](const Queue& q) { return q.distance(action); });
    if (best->distance(action) != SIZE_MAX) return &*best;
  }
  return nullptr;
}

}  // namespace

RuleBook::RuleBook(const RuleNames& known) : numbers_(1, UINT32_MAX, known.empty() ? 1 : known.rbegin()->first + 1) {
  for (const auto& [number, name] : known) {
    entries_[name] = {number, 0, true};
    retired_.push_back(name);
  }
  publish();
}

std::uint32_t RuleBook::number_of(const RuleName& name) {
  auto& entry = entries_[name];
  if (entry.number == 0) entry.number = numbers_.take(), changed_ = true;
  entry.round = round_;
  entry.retired = false;
  return entry.number;
}

void RuleBook::begin() { ++round_; }

void RuleBook::finish() {
  for (auto& [name, entry] : entries_)
    if (entry.round != round_ && !entry.retired) entry.retired = true, retired_.push_back(name);
  for (; retired_.size() > kMostRetired; retired_.pop_front()) {
    auto it = entries_.find(retired_.front());
    if (it == entries_.end() || !it->second.retired) continue;
    numbers_.give_back(it->second.number);
    entries_.erase(it);
    changed_ = true;
  }
  if (changed_) publish();
}

void RuleBook::publish() {
  auto names = std::make_shared<RuleNames>();
  for (const auto& [name, entry] : entries_) names->emplace(entry.number, name);
  names_ = std::move(names);
  changed_ = false;
}

CompiledPolicy compile_policy(const std::shared_ptr<const Policy>& policy, PolicyClasses& classes, RuleBook& book) {
  CompiledPolicy out;
  out.object = policy;
  for (auto direction : {WEFT_INGRESS, WEFT_EGRESS})
    for (const auto& rule : side_of(*policy, direction).rules)
      out.rules[direction].push_back(compile_rule(rule, policy->metadata.space, direction == WEFT_EGRESS, classes));
  for_each_number(*policy, [&](weft_direction direction, std::int32_t index) {
    auto number = book.number_of(rule_name(*policy, direction, index));
    (index < 0 ? out.isolates[direction] : out.rules[direction][static_cast<std::size_t>(index)].id) = number;
  });
  return out;
}

void keep_numbers(const CompiledPolicy& policy, RuleBook& book) {
  for_each_number(*policy.object, [&](weft_direction direction, std::int32_t index) {
    book.number_of(rule_name(*policy.object, direction, index));
  });
}

std::vector<const CompiledRule*> order_rules(const std::vector<const CompiledPolicy*>& policies, PolicyTier tier,
                                             weft_direction direction) {
  std::map<int, std::vector<Queue>> by_priority;
  for (const auto* policy : policies)
    if (policy->object->tier == tier)
      by_priority[policy->object->quarantine ? kFirstOfAll : policy->object->priority].push_back(
          {policy, &policy->rules[direction]});
  std::vector<const CompiledRule*> out;
  for (auto& [priority, queues] : by_priority)
    while (auto* queue = choose(queues)) out.push_back(&(*queue->rules)[queue->next++]);
  return out;
}

}  // namespace weft
