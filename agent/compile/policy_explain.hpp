// Verdicts in words: which tier, policy and rule decided, for a default denial all policies that isolate the workload,
// and for every denial the smallest rule that would allow the connection. Takes the verdict of whoever decided; decides
// nothing.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "agent/compile/compiled.hpp"
#include "agent/compile/policy_tables.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

// Who has an address, as far as policies care.
struct PolicyEnd {
  enum class Kind : std::uint8_t { kWorld, kNode, kWorkload };  // kWorkload: pods and Workload objects
  Kind kind = Kind::kWorld;
  NamespacedName name;
  Labels labels;  // without those that controllers give
  IpAddress address;
};

class PolicyEnds {
 public:
  PolicyEnds(const Snapshot& snapshot, const NodeFacts& facts);
  PolicyEnd find(const IpAddress& address, std::uint16_t port = 0, Protocol protocol = Protocol::kTcp) const;

 private:
  std::unordered_map<IpAddress, PolicyEnd> by_address_;
  std::map<std::tuple<IpAddress, std::uint16_t, Protocol>, PolicyEnd> by_port_;
};

struct PolicyCase {
  PolicyEnd subject;
  PolicyEnd peer;
  std::uint32_t subject_number = 0;
  weft_direction direction = WEFT_INGRESS;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
  weft_decision decision{};
};

struct PolicyExplanation {
  std::string reason;               // name of the verdict's reason: "default_deny"
  std::optional<RuleName> rule;     // that decided; of a default denial the first policy that isolates
  std::vector<ObjectKey> isolates;  // all policies that do, for a default denial
  std::string sentence;             // for people
  std::string suggestion;           // a manifest; empty when allowed, or when no rule could change it
};

PolicyExplanation explain_policy(const Snapshot& snapshot, const PolicyTables& tables, const PolicyCase& what);

}  // namespace weft
