#include "agent/compile/policy_compiler.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <unordered_map>

#include "agent/compile/policy_classes.hpp"
#include "agent/compile/policy_networks.hpp"
#include "agent/compile/policy_peers.hpp"
#include "agent/compile/policy_rules.hpp"
#include "agent/compile/policy_subject.hpp"

namespace weft {
namespace {

using PolicyPtr = std::shared_ptr<const Policy>;
using CompiledPtr = std::shared_ptr<const CompiledPolicy>;
using Selected = std::vector<CompiledPtr>;

struct HeldSubject {
  std::uint32_t id = 0;
  SubjectParts parts;
  std::vector<CompiledPtr> policies;  // of the parts, which outlive their objects while the subject settles
  std::uint64_t version = 0;
  std::shared_ptr<const SubjectTable> table;
  bool used = false;
};

struct HeldPolicy {
  CompiledPtr policy;
  bool used = false;
};

bool comes_before(const CompiledPtr& a, const CompiledPtr& b) {
  auto key = [](const CompiledPtr& p) {
    return std::tie(p->object->tier, p->object->priority, p->object->metadata.space, p->object->metadata.name);
  };
  return key(a) < key(b);
}

Selected without_audited(const Selected& policies) {
  Selected out;
  std::ranges::copy_if(policies, std::back_inserter(out), [](const CompiledPtr& p) { return !p->object->audit; });
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
  std::map<NamespacedName, PolicyPtr> quarantined;                      // by workload
  std::map<ObjectKey, HeldPolicy> held;                                 // those that select something here
  std::map<std::string, HeldSubject> subjects;                          // by their content
  std::map<PolicyClasses::Key, std::uint32_t> subject_of;               // of local members
  PolicyTables last;
  std::shared_ptr<const PolicyTables> published;  // a copy of it
  std::optional<NodeFacts> facts;
  ClassTerms terms;          // of the policies that are
  ClassTerms settled_terms;  // also of those that were, for one more compile
  ShardedMap<std::shared_ptr<const NetworkPolicy>> seen_network_policies;
  ShardedMap<std::shared_ptr<const ClusterNetworkPolicy>> seen_cluster_policies;

  bool take_policies(const Snapshot& snapshot);
  bool take_quarantines(const Quarantines& quarantines);
  CompiledPtr compiled(const PolicyPtr& policy);
  Selected select(const PolicyMember& member);
  void select_subjects();
  Selected with_quarantine(Selected selected, const PolicyMember& member);
  std::uint32_t subject_for(Selected policies, const PolicyMember& member, std::uint32_t audit);
  std::uint32_t subject_of_member(const Selected& policies, const PolicyMember& member);
  void drop_unused_subjects();
  bool is_settling() const;
  void note_isolating(const HeldSubject& subject);
  std::set<const CompiledPolicy*> policies_of_subjects() const;
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

bool PolicyCompiler::State::take_quarantines(const Quarantines& quarantines) {
  if (std::ranges::equal(
          quarantines, quarantined, {}, [](const auto& q) { return q.first; }, [](const auto& q) { return q.first; }))
    return false;
  quarantined.clear();
  for (const auto& [workload, note] : quarantines) quarantined.emplace(workload, make_quarantine_policy(workload));
  return true;
}

CompiledPtr PolicyCompiler::State::compiled(const PolicyPtr& policy) {
  auto& entry = held[policy_key(*policy)];
  bool same = entry.policy && (entry.policy->object == policy || *entry.policy->object == *policy);
  if (!same) {
    auto fresh = compile_policy(policy, classes, book);
    fresh.serial = ++last_serial;
    entry.policy = std::make_shared<const CompiledPolicy>(std::move(fresh));
  } else if (!entry.used) {
    keep_numbers(*entry.policy, book);
  }
  entry.used = true;
  return entry.policy;
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

Selected PolicyCompiler::State::with_quarantine(Selected selected, const PolicyMember& member) {
  auto quarantine = quarantined.find({member.name.first, member.workload_name});
  if (quarantine == quarantined.end()) return selected;
  selected.push_back(compiled(quarantine->second));
  std::ranges::sort(selected, comes_before);
  return selected;
}

std::uint32_t PolicyCompiler::State::subject_for(Selected selected, const PolicyMember& member, std::uint32_t audit) {
  SubjectParts parts{{}, {}, audit};
  for (const auto& policy : selected) parts.policies.push_back(policy.get());
  parts.ports = used_ports(parts.policies, *member.ports);
  auto& subject = subjects[parts.content()];
  if (subject.id == 0) subject.id = subject_numbers.take();
  subject.parts = std::move(parts);
  subject.policies = std::move(selected);
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
  drop_unused_subjects();
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
    auto judging = with_quarantine(selected->second, member);
    for (const auto& policy : judging) ++last.uses[policy_key(*policy->object)].local_workloads;
    subject_of[key] = subject_of_member(judging, member);
  }
  book.finish();
  last.rules = book.names();
  std::erase_if(held, [](const auto& entry) { return !entry.second.used; });
}

// Those that were not used by the compile before; what this one does not use stays until the next.
void PolicyCompiler::State::drop_unused_subjects() {
  std::erase_if(subjects, [&](const auto& entry) {
    if (entry.second.used) return false;
    subject_numbers.give_back(entry.second.id);
    return true;
  });
}

bool PolicyCompiler::State::is_settling() const {
  return classes.is_settling() || networks.is_settling() || !(terms == settled_terms) ||
         std::ranges::any_of(subjects, [](const auto& entry) { return !entry.second.used; });
}

std::set<const CompiledPolicy*> PolicyCompiler::State::policies_of_subjects() const {
  std::set<const CompiledPolicy*> out;
  for (const auto& [content, subject] : subjects)
    out.insert(subject.parts.policies.begin(), subject.parts.policies.end());
  return out;
}

void PolicyCompiler::State::update_networks() {
  PolicyNetworks::Blocks blocks;
  for (const auto* policy : policies_of_subjects())
    for (const auto* side : {&policy->object->ingress, &policy->object->egress})
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

std::shared_ptr<const PolicyTables> PolicyCompiler::compile(const Snapshot& snapshot, const NodeFacts& facts,
                                                            const Quarantines& quarantines) {
  auto& state = *state_;
  bool changed = state.take_policies(snapshot);
  auto before = std::exchange(state.settled_terms, state.terms);
  if (changed) state.settled_terms.add(before);
  changed = state.take_quarantines(quarantines) || changed;
  changed = state.classes.update(snapshot, state.settled_terms) || changed;
  changed = changed || state.last.settling || !state.facts || !(*state.facts == facts);
  if (changed) {
    state.facts = facts;
    state.select_subjects();
    state.update_networks();
    state.make_tables();
    state.last.settling = state.is_settling();
    state.published = std::make_shared<const PolicyTables>(state.last);
  }
  return state.published;
}

}  // namespace weft
