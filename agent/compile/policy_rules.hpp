// Policies made ready for rows: numbers for rules, sets of peers, blocks of ports.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "agent/compile/policy_classes.hpp"
#include "agent/compile/policy_ports.hpp"
#include "agent/compile/policy_tables.hpp"

namespace weft {

// Numbers of rules. A rule of the same policy, direction, place and name keeps its number; names of rules that went are
// remembered for what is still told about them.
class RuleBook {
 public:
  // `known`: of an earlier life of the agent.
  explicit RuleBook(const RuleNames& known);

  std::uint32_t number_of(const RuleName& name);  // counts as used until `forget_unused`
  void begin();
  void finish();  // what got no number since `begin` is not used any more
  const std::shared_ptr<const RuleNames>& names() const { return names_; }

 private:
  static constexpr std::size_t kMostRetired = 16384;
  struct Entry {
    std::uint32_t number = 0;
    std::uint64_t round = 0;
    bool retired = false;
  };
  void publish();

  NumberSource numbers_;
  std::map<RuleName, Entry> entries_;
  std::deque<RuleName> retired_;  // oldest first; those used again are skipped
  std::uint64_t round_ = 0;
  bool changed_ = true;
  std::shared_ptr<const RuleNames> names_;
};

struct CompiledRule {
  std::uint32_t id = 0;
  RuleAction action = RuleAction::kAccept;
  bool any_peer = false;
  std::vector<std::shared_ptr<PeerSet>> sets;
  std::vector<std::string> blocks;                   // block_text
  std::vector<PortBlock> ports;                      // by number, or everything
  std::vector<PolicyPort> named;                     // of the subject for ingress, of the peer for egress
  std::vector<std::shared_ptr<PeerSet>> named_sets;  // egress: whose ports they are
};

struct CompiledPolicy {
  std::shared_ptr<const Policy> object;
  std::uint64_t serial = 0;                                    // another one for another content
  std::array<std::uint32_t, WEFT_DIRECTION_COUNT> isolates{};  // number for default denials; of NetworkPolicies
  std::array<std::vector<CompiledRule>, WEFT_DIRECTION_COUNT> rules;
};

inline const PolicySide& side_of(const Policy& policy, weft_direction direction) {
  return direction == WEFT_INGRESS ? policy.ingress : policy.egress;
}

CompiledPolicy compile_policy(const std::shared_ptr<const Policy>& policy, PolicyClasses& classes, RuleBook& book);
// Takes numbers again, for another round of the book.
void keep_numbers(const CompiledPolicy& policy, RuleBook& book);

// All rules of an ordered tier in one direction, first to decide first. Policies of equal priority are merged so that
// denials come as early as the order within each policy allows, then what passes.
std::vector<const CompiledRule*> order_rules(const std::vector<const CompiledPolicy*>& policies, PolicyTier tier,
                                             weft_direction direction);

}  // namespace weft
