// What the policies mean for this node, as the values of the kernel maps of weft/abi/policy.h, and the names behind
// their numbers. Rows of a subject are kept in a short form: peers about which the same rules speak share a template.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/compile/abi.hpp"
#include "agent/model/policy.hpp"
#include "agent/model/snapshot.hpp"
#include "weft/abi/policy.h"

namespace weft {

// Behind the number of a rule. `index` counts in the list of the direction; kIsolates stands for the policy as a whole.
struct RuleName {
  static constexpr std::int32_t kIsolates = -1;
  ObjectKey policy;
  weft_direction direction = WEFT_INGRESS;
  std::int32_t index = 0;
  std::string name;  // as the policy calls it; may be empty
  PolicyTier tier = PolicyTier::kNetwork;

  auto operator<=>(const RuleName&) const = default;
  std::string text() const;  // "NetworkPolicy shop/web ingress[0]"
};

// One subject with all its rows. Never changes its meaning; peers may come and go.
struct SubjectTable {
  struct TemplateRow {
    __be16 port = 0;
    std::uint8_t protocol = 0;
    std::uint8_t kind = 0;  // WEFT_POLICY_KIND
    weft_policy row{};
  };
  using Template = std::vector<TemplateRow>;  // sorted by kind, protocol, port

  std::uint32_t id = 0;
  weft_subject row{};
  std::vector<Template> templates;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> peers;  // peer (0: any) and index of its template, sorted

  std::size_t row_count() const;
  // visit(weft_policy_key, weft_policy), in the order of peers.
  template <class F>
  void for_each_row(F&& visit) const {
    for (const auto& [peer, index] : peers)
      for (const auto& r : templates[index]) visit(weft_policy_key{id, peer, r.port, r.protocol, r.kind}, r.row);
  }
};

// Processes of a Workload of this node: their subject and who they are to others. Cgroups are found by the agent.
struct ProcessSubject {
  Workload::Process process;
  NamespacedName workload;
  std::uint32_t identity = 0;
  std::uint32_t subject = 0;
  bool operator==(const ProcessSubject&) const = default;
};

// How much of a policy is in force here.
struct PolicyUse {
  std::uint64_t local_workloads = 0;  // pods and Workloads of this node that it selects
  bool operator==(const PolicyUse&) const = default;
};

using PeerRow = std::pair<weft_peer_key, weft_peer>;
using NetworkRow = std::pair<weft_network_key, weft_network>;
using RuleNames = std::map<std::uint32_t, RuleName>;

struct PolicyTables {
  // Rows of what went (subjects, classes, networks) are still there: addresses in the kernel may name it until the
  // address rows of these tables are written. Once they are, compile again: the next tables are without.
  bool settling = false;
  std::map<std::uint32_t, std::shared_ptr<const SubjectTable>> subjects;
  std::shared_ptr<const std::vector<PeerRow>> peers;        // sorted by the bytes of the key
  std::shared_ptr<const std::vector<NetworkRow>> networks;  // sorted by the bytes of the key
  std::vector<ProcessSubject> processes;                    // in the order of their Workloads' names
  std::shared_ptr<const RuleNames> rules;                   // also of rules that went lately
  std::map<ObjectKey, PolicyUse> uses;                      // of policies that select something here
  // Default denials name one policy; these are all that isolate a subject in a direction.
  std::map<std::pair<std::uint32_t, weft_direction>, std::vector<ObjectKey>> isolating;

  std::size_t row_count() const;
};

}  // namespace weft
