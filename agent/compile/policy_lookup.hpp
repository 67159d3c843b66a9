// What the kernel would say, from the tables alone: the same reduction (bpf/lib/policy_decide.h) over the same rows.
// For `weft policy try`, offline explanations and tests; enforcement is the kernel's.
#pragma once

#include <memory>
#include <optional>

#include "agent/compile/policy_tables.hpp"

namespace weft {

struct PolicyQuery {
  IpAddress client;
  IpAddress server;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;  // IPPROTO_*; port 0 for those without ports
};

// One end of a connection; absent where the node does not judge: not local, or under no policy.
struct PolicySideVerdict {
  std::uint32_t subject = 0;
  weft_decision decision{};
  std::optional<weft_decision> audit;  // as if audited policies were enforced; absent when none selects the subject
};

struct PolicyVerdict {
  std::optional<PolicySideVerdict> egress;   // of the client
  std::optional<PolicySideVerdict> ingress;  // of the server
  bool allowed() const {
    return !(egress && egress->decision.verdict == WEFT_VERDICT_DENY) &&
           !(ingress && ingress->decision.verdict == WEFT_VERDICT_DENY);
  }
};

class PolicyLookup {
 public:
  explicit PolicyLookup(std::shared_ptr<const PolicyTables> tables);
  ~PolicyLookup();
  PolicyVerdict decide(const PolicyQuery& query) const;
  // The row of an address, or of a port of it; addresses that nobody has get their network.
  weft_peer peer_of(const IpAddress& address, std::uint16_t port = 0, std::uint8_t protocol = 0) const;
  // One side, for rows of addresses that the caller has; nothing where `own` is under no policy.
  std::optional<PolicySideVerdict> decide_side(const weft_peer& own, const weft_peer& peer, const PolicyQuery& query,
                                               weft_direction direction) const;
  const PolicyTables& tables() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weft
