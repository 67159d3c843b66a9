#include "agent/compile/policy_compiler.hpp"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "agent/compile/policy_classes.hpp"
#include "agent/compile/policy_networks.hpp"
#include "agent/compile/policy_peers.hpp"
#include "agent/compile/policy_rules.hpp"
#include "agent/compile/policy_subject.hpp"

namespace weft {
namespace {

using PolicyPtr = std::shared_ptr<const Policy>;
using Selected = std::vector<const CompiledPolicy*>;

struct HeldSubject {
  std::uint32_t id = 0;
  SubjectParts parts;
  std::uint64_t version = 0;
  std::shared_ptr<const SubjectTable> table;
  bool used = false;
};

struct HeldPolicy {
  CompiledPolicy policy;
  bool used = false;
};

bool comes_before(const CompiledPolicy* a, const CompiledPolicy* b) {
  auto key = [](const CompiledPolicy* p) {
    return std::tie(p->object->tier, p->object->priority, p->object->metadata.space, p->object->metadata.name);
  };
  return key(a) < key(b);
}

Selected without_audited(const Selected& policies) {
  Selected out;
  std::ranges::copy_if(policies, std::back_inserter(out), [](const CompiledPolicy* p) { return !p->object->audit; });
  return out;
}

bool same_rows(const std::vector<PeerRow>& a, const std::vector<PeerRow>& b) {
  return std::ranges::equal(a, b, [](const PeerRow& x, const PeerRow& y) {
    return bytes_equal(x.first, y.first) && bytes_equal(x.second, y.second);
  });
}

}  // namespace

struct PolicyCompiler::State {
  explicit State(const PolicyNumbers& numbers)
      : classes({numbers.identity, numbers.owner}),
        networks(numbers.network),
        book(numbers.rules),
        subject_numbers(1, UINT32_MAX, numbers.subject) {}

  PolicyClasses classes;
  PolicyNetworks networks;
  RuleBook book;
  NumberSource subject_numbers;
  std::uint64_t networks_version = 0;
  std::uint64_t last_serial = 0;

  std::map<std::string, std::vector<PolicyPtr>, std::less<>> policies;  // by namespace; "" is the cluster
  std::map<ObjectKey, HeldPolicy> held;                                 // those that select something here
  std::map<std::string, HeldSubject> subjects;                          // by their content
  std::map<PolicyClasses::Key, std::uint32_t> subject_of;               // of local members
  PolicyTables last;
  std::optional<NodeFacts> facts;
  ClassTerms terms;
  ShardedMap<std::shared_ptr<const NetworkPolicy>> seen_network_policies;
  ShardedMap<std::shared_ptr<const ClusterNetworkPolicy>> seen_cluster_policies;

  bool take_policies(const Snapshot& snapshot);
  const CompiledPolicy* compiled(const PolicyPtr& policy);
  Selected select(const PolicyMember& member);
  void select_subjects();
  std::uint32_t subject_for(Selected policies, const PolicyMember& member, std::uint32_t audit);
  std::uint32_t subject_of_member(const Selected& policies, const PolicyMember& member);
  void forget_unused();
  void note_isolating(const HeldSubject& subject);
  void update_networks();
  void make_tables();
};

PolicyCompiler::PolicyCompiler(const PolicyNumbers& numbers) : state_(std::make_unique<State>(numbers)) {}
PolicyCompiler::~PolicyCompiler() = default;

// Returns whether any policy changed.
bool PolicyCompiler::State::take_policies(const Snapshot& snapshot) {
  bool changed = false;
  auto compare = [&](const NamespacedName&, const auto* old, const auto* young) {
    changed = changed || !old || !young || *old != *young;
  };
  snapshot.network_policies.for_each_touched(seen_network_policies, compare);
  snapshot.cluster_policies.for_each_touched(seen_cluster_policies, compare);
  if (!changed) return false;
  seen_network_policies = snapshot.network_policies;
  seen_cluster_policies = snapshot.cluster_policies;
  policies.clear();
  snapshot.network_policies.for_each([&](const auto& name, const auto& p) { policies[name.first].push_back(p); });
  snapshot.cluster_policies.for_each([&](const auto&, const auto& p) { policies[""].push_back(p); });
  terms = make_class_terms(snapshot);
  return true;
}

const CompiledPolicy* PolicyCompiler::State::compiled(const PolicyPtr& policy) {
  auto& entry = held[policy_key(*policy)];
  if (!entry.policy.object || (entry.policy.object != policy && !(*entry.policy.object == *policy))) {
    entry.policy = compile_policy(policy, classes, book);
    entry.policy.serial = ++last_serial;
  } else if (!entry.used) {
    entry.policy.object = policy;
    keep_numbers(entry.policy, book);
  }
  entry.used = true;
  return &entry.policy;
}

Selected PolicyCompiler::State::select(const PolicyMember& member) {
  Selected out;
  auto space_labels = classes.labels_of_space(member.name.first);
  auto consider = [&](std::string_view space) {
    auto it = policies.find(space);
    if (it == policies.end()) return;
    for (const auto& policy : it->second) {
      const auto& subject = policy->subject;
      bool space_matches = !subject.namespaces || subject.namespaces->matches(*space_labels);
      if (space_matches && (policy->ingress.applies || policy->egress.applies) && subject.pods.matches(*member.labels))
        out.push_back(compiled(policy));
    }
  };
  consider("");
  consider(member.name.first);
  std::ranges::sort(out, comes_before);
  return out;
}

std::uint32_t PolicyCompiler::State::subject_for(Selected selected, const PolicyMember& member, std::uint32_t audit) {
  SubjectParts parts{std::move(selected), {}, audit};
  parts.ports = used_ports(parts.policies, *member.ports);
  auto& subject = subjects[parts.content()];
  if (subject.id == 0) subject.id = subject_numbers.take();
  subject.parts = std::move(parts);
  subject.used = true;
  return subject.id;
}

std::uint32_t PolicyCompiler::State::subject_of_member(const Selected& selected, const PolicyMember& member) {
  if (selected.empty()) return 0;
  auto enforced = without_audited(selected);
  bool audited = enforced.size() != selected.size();
  return subject_for(std::move(enforced), member, audited ? subject_for(selected, member, 0) : 0);
}

void PolicyCompiler::State::select_subjects() {
  for (auto& [key, entry] : held) entry.used = false;
  for (auto& [content, subject] : subjects) subject.used = false;
  subject_of.clear();
  last.uses.clear();
  book.begin();
  std::unordered_map<const PeerClass*, Selected> known;
  for (const auto& [key, member] : classes.members()) {
    if (member.kind == PolicyMember::Kind::kNode || !is_local(member, *facts)) continue;
    // Labels that classes leave out are those that no policy names, so members of a class are selected alike.
    auto [selected, added] = known.try_emplace(member.classes[0]);
    if (added) selected->second = select(member);
    for (const auto* policy : selected->second) ++last.uses[policy_key(*policy->object)].local_workloads;
    subject_of[key] = subject_of_member(selected->second, member);
  }
  book.finish();
  last.rules = book.names();
  forget_unused();
}

void PolicyCompiler::State::forget_unused() {
  std::erase_if(subjects, [&](const auto& entry) {
    if (entry.second.used) return false;
    subject_numbers.give_back(entry.second.id);
    return true;
  });
  std::erase_if(held, [](const auto& entry) { return !entry.second.used; });
}

void PolicyCompiler::State::update_networks() {
  PolicyNetworks::Blocks blocks;
  for (const auto& [key, entry] : held)
    for (const auto* side : {&entry.policy.object->ingress, &entry.policy.object->egress})
      for (const auto& rule : side->rules)
        for (const auto& peer : rule.peers)
          if (const auto* block = std::get_if<NetworkBlock>(&peer)) blocks.emplace(block_text(*block), block);
  if (networks.update(blocks)) ++networks_version;
  if (!last.networks || !std::ranges::equal(*last.networks, networks.rows(), [](const auto& a, const auto& b) {
        return bytes_equal(a.first, b.first) && bytes_equal(a.second, b.second);
      }))
    last.networks = std::make_shared<const std::vector<NetworkRow>>(networks.rows());
}

void PolicyCompiler::State::note_isolating(const HeldSubject& subject) {
  for (auto direction : {WEFT_INGRESS, WEFT_EGRESS})
    for (const auto* policy : subject.parts.policies)
      if (policy->object->tier == PolicyTier::kNetwork && side_of(*policy->object, direction).applies)
        last.isolating[{subject.id, direction}].push_back(policy_key(*policy->object));
}

void PolicyCompiler::State::make_tables() {
  last.subjects.clear();
  last.isolating.clear();
  for (auto& [content, subject] : subjects) {
    auto version = subject_version(subject.parts, networks_version);
    if (!subject.table || version != subject.version) subject.table = make_subject(subject.id, subject.parts, networks);
    subject.version = version;
    last.subjects.emplace(subject.id, subject.table);
    note_isolating(subject);
  }
  FindSubject find = [this](const PolicyMember& member) { return subject_of.at({member.kind, member.name}); };
  auto peers = make_peer_rows(classes.members(), *facts, networks, find);
  if (!last.peers || !same_rows(*last.peers, peers))
    last.peers = std::make_shared<const std::vector<PeerRow>>(std::move(peers));
  last.processes = make_process_subjects(classes.members(), *facts, find);
}

std::shared_ptr<const PolicyTables> PolicyCompiler::compile(const Snapshot& snapshot, const NodeFacts& facts) {
  auto& state = *state_;
  bool changed = state.take_policies(snapshot);
  changed = state.classes.update(snapshot, state.terms) || changed;
  changed = changed || !state.facts || !(*state.facts == facts);
  if (changed) {
    state.facts = facts;
    state.select_subjects();
    state.update_networks();
    state.make_tables();
  }
  return std::make_shared<const PolicyTables>(state.last);
}

}  // namespace weft
