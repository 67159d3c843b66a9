#include "agent/compile/policy_classes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "agent/compile/policy_networks.hpp"

namespace weft {
namespace {

constexpr std::string_view kSpaceNameLabel = "kubernetes.io/metadata.name";
constexpr std::size_t kFewSets = 256;  // below, sets that nothing uses any more are not looked for

bool shapes_class(std::string_view label, const ClassTerms& terms) {
  return !is_controller_label(label) || terms.named_labels.contains(std::string(label));
}

void note_labels(const LabelSelector& selector, ClassTerms& terms) {
  for (const auto& requirement : selector.requirements)
    if (is_controller_label(requirement.key)) terms.named_labels.insert(requirement.key);
}

void note_rule(const PolicyRule& rule, bool egress, ClassTerms& terms) {
  bool named = false;
  for (const auto& port : rule.ports)
    if (egress && !port.name.empty()) named = true, terms.egress_ports.insert(port.name);
  for (const auto& peer : rule.peers) {
    if (const auto* pods = std::get_if<PodSelection>(&peer)) note_labels(pods->pods, terms);
    if (const auto* nodes = std::get_if<NodeSelection>(&peer)) note_labels(nodes->nodes, terms);
    if (const auto* block = std::get_if<NetworkBlock>(&peer); block && named)
      terms.egress_blocks.emplace(block_text(*block), *block);
  }
}

void note_policy(const Policy& policy, ClassTerms& terms) {
  note_labels(policy.subject.pods, terms);
  for (const auto& rule : policy.ingress.rules) note_rule(rule, false, terms);
  for (const auto& rule : policy.egress.rules) note_rule(rule, true, terms);
}

void append_labels(const Labels& labels, std::string& out) {
  for (const auto& [key, value] : labels) out.append(key).append("=").append(value).append(",");
  out += '\n';
}

bool in_block(const NetworkBlock& block, const IpAddress& address) {
  return block.cidr.contains(address) &&
         std::ranges::none_of(block.except, [&](const Cidr& except) { return except.contains(address); });
}

std::string content_of(const PeerClass& peer, const std::string& account) {
  std::string out = peer.is_node ? "node\n" : peer.space + "\n" + account + "\n";
  append_labels(peer.labels, out);
  if (!peer.is_node) append_labels(*peer.space_labels, out);
  for (const auto& port : peer.ports)
    out += fmt::format("{}/{}={},", port.name, protocol_name(port.protocol), port.port);
  for (const auto& block : peer.blocks) out.append(block).append(";");
  return out;
}

// Whether a set can hold any class of the namespace of `peer`, as long as that has the same labels.
bool may_match(const PeerSet& set, const PeerClass& peer) {
  if (std::holds_alternative<NodeSelection>(set.what)) return peer.is_node;
  const auto* pods = std::get_if<PodSelection>(&set.what);
  if (pods == nullptr) return true;
  if (peer.is_node) return false;
  return pods->namespaces ? pods->namespaces->matches(*peer.space_labels) : peer.space == set.space;
}

bool by_identity(const PeerClass* a, const PeerClass* b) { return a->identity < b->identity; }

}  // namespace

void ClassTerms::add(const ClassTerms& more) {
  named_labels.insert(more.named_labels.begin(), more.named_labels.end());
  egress_ports.insert(more.egress_ports.begin(), more.egress_ports.end());
  egress_blocks.insert(more.egress_blocks.begin(), more.egress_blocks.end());
}

ClassTerms make_class_terms(const Snapshot& snapshot) {
  ClassTerms terms;
  snapshot.network_policies.for_each([&](const auto&, const auto& policy) { note_policy(*policy, terms); });
  snapshot.cluster_policies.for_each([&](const auto&, const auto& policy) { note_policy(*policy, terms); });
  return terms;
}

std::string selector_text(const LabelSelector& selector) {
  std::string out;
  for (const auto& r : selector.requirements)
    out += fmt::format("{} {} {};", r.key, static_cast<int>(r.op), fmt::join(r.values, ","));
  return out;
}

bool PeerSet::matches(const PeerClass& peer) const {
  if (const auto* block = std::get_if<Block>(&what)) return std::ranges::binary_search(peer.blocks, block->text);
  if (const auto* nodes = std::get_if<NodeSelection>(&what)) return peer.is_node && nodes->nodes.matches(peer.labels);
  const auto& pods = std::get<PodSelection>(what);
  if (peer.is_node) return false;
  if (!pods.namespaces && peer.space != space) return false;
  if (pods.namespaces && !pods.namespaces->matches(*peer.space_labels)) return false;
  return pods.pods.matches(peer.labels);
}

PolicyClasses::PolicyClasses(const Next& next)
    : identities_(WEFT_IDENTITY_FIRST, WEFT_NETWORK_FIRST - 1, next.identity), owners_(1, UINT32_MAX, next.owner) {}
PolicyClasses::~PolicyClasses() = default;

std::shared_ptr<const Labels> PolicyClasses::labels_of_space(const std::string& space) {
  auto& labels = space_labels_[space];
  if (!labels) labels = std::make_shared<const Labels>(Labels{{std::string(kSpaceNameLabel), space}});
  return labels;
}

PeerClass PolicyClasses::describe(const PolicyMember& member, const IpAddress* address) {
  PeerClass peer;
  peer.is_node = member.kind == PolicyMember::Kind::kNode;
  if (peer.is_node) {
    peer.labels = *member.labels;
    return peer;
  }
  peer.space = member.name.first;
  peer.space_labels = labels_of_space(peer.space);
  for (const auto& [key, value] : *member.labels)
    if (shapes_class(key, terms_)) peer.labels.emplace_hint(peer.labels.end(), key, value);
  for (const auto& port : *member.ports)
    if (terms_.egress_ports.contains(port.name)) peer.ports.push_back(port);
  for (const auto& [text, block] : terms_.egress_blocks)
    if (address != nullptr && in_block(block, *address)) peer.blocks.push_back(text);
  return peer;
}

PeerClass* PolicyClasses::join_class(const PolicyMember& member, const IpAddress* address) {
  auto peer = describe(member, address);
  peer.content = content_of(peer, member.account);
  auto& held = classes_[peer.content];
  if (!held) {
    peer.identity = identities_.take();
    held = std::make_unique<PeerClass>(std::move(peer));
    enter_sets(*held);
  }
  ++held->members;
  return held.get();
}

void PolicyClasses::enter_sets(PeerClass& peer) {
  by_space_[peer.is_node ? "" : peer.space].emplace(peer.identity, &peer);
  for (const auto& [key, weak] : sets_) {
    auto set = weak.lock();
    if (!set || !set->matches(peer)) continue;
    auto at = std::ranges::lower_bound(set->classes, &peer, by_identity);
    set->classes.insert(at, &peer);
    ++set->version;
  }
}

void PolicyClasses::leave_sets(const PeerClass& peer) {
  auto space = by_space_.find(peer.is_node ? "" : peer.space);
  space->second.erase(peer.identity);
  if (space->second.empty()) by_space_.erase(space);
  for (const auto& [key, weak] : sets_)
    if (auto set = weak.lock(); set && std::erase(set->classes, &peer) > 0) ++set->version;
}

void PolicyClasses::leave_class(PeerClass* peer) {
  if (--peer->members == 0) deserted_.insert(peer);
}

void PolicyClasses::drop_deserted() {
  for (auto* peer : std::exchange(deserted_, {})) {
    if (peer->members > 0) continue;
    leave_sets(*peer);
    identities_.give_back(peer->identity);
    if (!by_space_.contains(peer->space) && seen_spaces_.find({"", peer->space}) == nullptr)
      space_labels_.erase(peer->space);
    classes_.erase(classes_.find(peer->content));
    changed_ = true;
  }
}

void PolicyClasses::classify(PolicyMember& member) {
  auto before = std::exchange(member.classes, {});
  if (member.addresses.empty()) member.classes.push_back(join_class(member, nullptr));
  for (const auto& address : member.addresses) member.classes.push_back(join_class(member, &address));
  for (auto* peer : before) leave_class(peer);
  changed_ = true;
}

void PolicyClasses::put(PolicyMember member) {
  auto [it, added] = members_.try_emplace({member.kind, member.name});
  auto& held = it->second;
  bool same_owner = !added && held.uid == member.uid;
  if (!added && !same_owner) owners_.give_back(held.owner);
  member.owner = same_owner ? held.owner : owners_.take();
  member.classes = std::move(held.classes);
  held = std::move(member);
  classify(held);
}

void PolicyClasses::remove(const Key& key) {
  auto it = members_.find(key);
  if (it == members_.end()) return;
  for (auto* peer : it->second.classes) leave_class(peer);
  owners_.give_back(it->second.owner);
  members_.erase(it);
  changed_ = true;
}

std::shared_ptr<PeerSet> PolicyClasses::find_set(std::string key, PeerSet wanted) {
  if (sets_.size() >= purge_at_) {
    std::erase_if(sets_, [](const auto& entry) { return entry.second.expired(); });
    purge_at_ = std::max(kFewSets, sets_.size() * 2);
  }
  auto& slot = sets_[std::move(key)];
  if (auto set = slot.lock()) return set;
  auto set = std::make_shared<PeerSet>(std::move(wanted));
  for (const auto& [space, classes] : by_space_) {
    const Labels* labels = nullptr;  // of the namespace; classes that settle have older ones
    bool possible = false;
    for (const auto& [identity, peer] : classes) {
      if (labels == nullptr || peer->space_labels.get() != labels) possible = may_match(*set, *peer);
      labels = peer->space_labels.get();
      if (possible && set->matches(*peer)) set->classes.push_back(peer);
    }
  }
  std::ranges::sort(set->classes, by_identity);
  slot = set;
  return set;
}

std::shared_ptr<PeerSet> PolicyClasses::set_of(std::string space, const PodSelection& selection) {
  auto spaces = selection.namespaces ? "in " + selector_text(*selection.namespaces) : "of " + space;
  if (selection.namespaces) space.clear();
  return find_set(spaces + "\n" + selector_text(selection.pods), {std::move(space), selection, {}, 0});
}

std::shared_ptr<PeerSet> PolicyClasses::set_of(const NodeSelection& selection) {
  return find_set("nodes\n" + selector_text(selection.nodes), {{}, selection, {}, 0});
}

std::shared_ptr<PeerSet> PolicyClasses::set_of_block(const std::string& text) {
  return find_set("block\n" + text, {{}, PeerSet::Block{text}, {}, 0});
}

}  // namespace weft
