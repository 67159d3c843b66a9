// Who is who for policies: every pod, Workload and node, and the class that it belongs to. Members of a class have the
// same labels, namespace and account, so rules cannot tell them apart. Sets of classes that rules select are kept up to
// date as classes come and go.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "agent/compile/number_source.hpp"
#include "agent/model/controller_labels.hpp"
#include "agent/model/policy.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

// What of the policies shapes classes. A change of it makes all classes anew.
struct ClassTerms {
  std::set<std::string> named_labels;                 // labels of controllers that some policy names
  std::set<std::string> egress_ports;                 // names of ports in egress rules: peers resolve them
  std::map<std::string, NetworkBlock> egress_blocks;  // blocks in rules with such names, by block_text
  void add(const ClassTerms& more);
  bool operator==(const ClassTerms&) const = default;
};
ClassTerms make_class_terms(const Snapshot& snapshot);

struct PeerClass {
  std::uint32_t identity = 0;
  std::string content;
  std::string space;
  bool is_node = false;
  Labels labels;
  std::shared_ptr<const Labels> space_labels;
  std::vector<NamedPort> ports;     // those that egress rules name
  std::vector<std::string> blocks;  // of ClassTerms::egress_blocks
  std::size_t members = 0;
};

// Classes that a peer of a rule selects. Shared by all rules that say the same.
struct PeerSet {
  struct Block {
    std::string text;
  };
  std::string space;  // of the policy, for selections without a namespaceSelector
  std::variant<PodSelection, NodeSelection, Block> what;
  std::vector<const PeerClass*> classes;  // sorted by identity
  std::uint64_t version = 0;              // grows with each change

  bool matches(const PeerClass& peer) const;
};

// A pod, Workload or node with its addresses.
struct PolicyMember {
  enum class Kind : std::uint8_t { kNode, kPod, kWorkload };
  Kind kind = Kind::kPod;
  NamespacedName name;
  std::string uid;
  std::string node;
  std::string account;
  std::string workload_name;  // of the owner of a pod, or the Workload itself
  bool deleting = false;
  const Labels* labels = nullptr;  // of the object, which lives in the snapshot
  const std::vector<NamedPort>* ports = nullptr;
  const Workload* workload = nullptr;
  std::vector<IpAddress> addresses;
  std::vector<PeerClass*> classes;  // one for each address; one when there is none
  std::uint32_t owner = 0;
};

class PolicyClasses {
 public:
  using Key = std::pair<PolicyMember::Kind, NamespacedName>;
  using Members = std::map<Key, PolicyMember>;

  struct Next {
    std::uint32_t identity;
    std::uint32_t owner;
  };
  explicit PolicyClasses(const Next& next);
  ~PolicyClasses();

  // Follows the snapshot. Returns whether anything changed. A class without members stays for one more update: until
  // then addresses in the kernel may still name it, and rows must be there for it.
  bool update(const Snapshot& snapshot, const ClassTerms& terms);
  bool is_settling() const { return !deserted_.empty(); }
  const Members& members() const { return members_; }
  std::shared_ptr<const Labels> labels_of_space(const std::string& space);

  std::shared_ptr<PeerSet> set_of(std::string space, const PodSelection& selection);
  std::shared_ptr<PeerSet> set_of(const NodeSelection& selection);
  std::shared_ptr<PeerSet> set_of_block(const std::string& text);

 private:
  // policy_members.cpp
  void update_spaces(const Snapshot& snapshot);
  void update_pods(const Snapshot& snapshot);
  void update_workloads(const Snapshot& snapshot);
  void update_nodes(const Snapshot& snapshot);

  void put(PolicyMember member);
  void remove(const Key& key);
  void classify(PolicyMember& member);
  PeerClass describe(const PolicyMember& member, const IpAddress* address);
  PeerClass* join_class(const PolicyMember& member, const IpAddress* address);
  void leave_class(PeerClass* peer);
  void drop_deserted();
  void enter_sets(PeerClass& peer);
  void leave_sets(const PeerClass& peer);
  std::shared_ptr<PeerSet> find_set(std::string key, PeerSet wanted);

  NumberSource identities_;
  NumberSource owners_;
  ClassTerms terms_;
  Members members_;
  std::unordered_map<std::string, std::unique_ptr<PeerClass>> classes_;  // by content
  std::map<std::string, std::map<std::uint32_t, PeerClass*>, std::less<>> by_space_;
  std::map<std::string, std::shared_ptr<const Labels>> space_labels_;  // of spaces with members or objects
  std::unordered_map<std::string, std::weak_ptr<PeerSet>> sets_;       // by what they say
  std::set<PeerClass*> deserted_;                                      // no member any more
  std::size_t purge_at_ = 0;
  bool changed_ = false;

  ShardedMap<std::shared_ptr<const Namespace>> seen_spaces_;
  ShardedMap<std::shared_ptr<const Pod>> seen_pods_;
  ShardedMap<std::shared_ptr<const Workload>> seen_workloads_;
  ShardedMap<std::shared_ptr<const Node>> seen_nodes_;
};

std::string selector_text(const LabelSelector& selector);

}  // namespace weft
