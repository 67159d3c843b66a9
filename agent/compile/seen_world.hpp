// Ends of connections as they were, under the policies of a snapshot: compiles the policies over pods made of these
// ends instead of the pods of now, so that somebody who is gone or has changed is judged as who it was.
#pragma once

#include <span>
#include <unordered_map>

#include "agent/compile/policy_explain.hpp"
#include "agent/compile/policy_lookup.hpp"
#include "agent/model/seen.hpp"

namespace weft {

class SeenWorld {
 public:
  SeenWorld(const Snapshot& snapshot, const NodeFacts& facts, std::span<const SeenConnections> seen);

  struct Verdict {
    weft_direction direction = WEFT_INGRESS;  // that decided: the first that denies, else the last with a rule
    PolicySideVerdict side;
    bool denied = false;
  };
  // Nothing where neither end is under a policy.
  std::optional<Verdict> decide(const SeenConnections& connection) const;
  PolicyExplanation explain(const SeenConnections& connection, const Verdict& verdict) const;

 private:
  weft_peer row_of(const SeenEnd& end) const;
  PolicyEnd end_of(const SeenEnd& end) const;

  Snapshot snapshot_;
  NodeFacts facts_;
  std::unordered_map<const SeenEnd*, IpAddress> places_;  // of the pods that stand for ends
  std::unique_ptr<const PolicyLookup> lookup_;
};

}  // namespace weft
