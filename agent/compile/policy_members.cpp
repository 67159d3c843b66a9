// How classes follow the objects of a snapshot.
#include "agent/compile/policy_classes.hpp"

namespace weft {
namespace {

constexpr std::string_view kSpaceNameLabel = "kubernetes.io/metadata.name";

NamespacedName name_of(const Metadata& metadata) { return {metadata.space, metadata.name}; }

PolicyMember member_of(PolicyMember::Kind kind, const Metadata& metadata) {
  PolicyMember out;
  out.kind = kind;
  out.name = name_of(metadata);
  out.uid = metadata.uid;
  out.deleting = metadata.deleting;
  out.labels = &metadata.labels;
  return out;
}

std::vector<IpAddress> usable(const std::vector<IpAddress>& addresses) {
  std::vector<IpAddress> out;
  for (const auto& address : addresses)
    if (!address.is_unspecified() && !address.is_loopback() && !address.is_multicast()) out.push_back(address);
  return out;
}

// Pods in the host's network are a part of their node to policies.
bool is_member(const Pod& pod) { return pod.running && !pod.host_network; }

// Whether policies see a difference.
bool differs(const Pod& a, const Pod& b) {
  return a.metadata != b.metadata || a.node != b.node || a.service_account != b.service_account || a.owner != b.owner ||
         a.addresses != b.addresses || a.host_network != b.host_network || a.running != b.running || a.ports != b.ports;
}

Labels with_name(const Namespace& space) {
  auto labels = space.metadata.labels;
  labels.insert_or_assign(std::string(kSpaceNameLabel), space.metadata.name);
  return labels;
}

}  // namespace

bool PolicyClasses::update(const Snapshot& snapshot, const ClassTerms& terms) {
  changed_ = false;
  drop_deserted();
  bool all = !(terms == terms_);
  terms_ = terms;
  update_spaces(snapshot);
  update_pods(snapshot);
  update_workloads(snapshot);
  update_nodes(snapshot);
  if (all)
    for (auto& [key, member] : members_) classify(member);
  return changed_;
}

void PolicyClasses::update_spaces(const Snapshot& snapshot) {
  std::set<std::string> relabelled;
  snapshot.namespaces.for_each_touched(
      seen_spaces_, [&](const NamespacedName& name, const auto* old, const auto* young) {
        auto labels = young ? with_name(**young) : Labels{{std::string(kSpaceNameLabel), name.second}};
        if (old && young && (*old)->metadata.labels == (*young)->metadata.labels) return;
        auto& held = space_labels_[name.second];
        if (held && *held == labels) return;
        held = std::make_shared<const Labels>(std::move(labels));
        relabelled.insert(name.second);
      });
  seen_spaces_ = snapshot.namespaces;
  if (relabelled.empty()) return;
  for (auto& [key, member] : members_)
    if (member.kind != PolicyMember::Kind::kNode && relabelled.contains(member.name.first)) classify(member);
}

void PolicyClasses::update_pods(const Snapshot& snapshot) {
  snapshot.pods.for_each_touched(seen_pods_, [&](const NamespacedName& name, const auto* old, const auto* young) {
    if (old && young && *old == *young) return;
    if (!young || !is_member(**young)) return remove({PolicyMember::Kind::kPod, name});
    const Pod& pod = **young;
    auto held = members_.find({PolicyMember::Kind::kPod, name});
    if (old && held != members_.end() && !differs(**old, pod)) {
      held->second.labels = &pod.metadata.labels;
      held->second.ports = &pod.ports;
      return;
    }
    auto member = member_of(PolicyMember::Kind::kPod, pod.metadata);
    member.node = pod.node;
    member.account = pod.service_account;
    member.workload_name = pod.owner;
    member.ports = &pod.ports;
    member.addresses = usable(pod.addresses);
    put(std::move(member));
  });
  seen_pods_ = snapshot.pods;
}

void PolicyClasses::update_workloads(const Snapshot& snapshot) {
  snapshot.workloads.for_each_touched(seen_workloads_,
                                      [&](const NamespacedName& name, const auto* old, const auto* young) {
                                        if (old && young && *old == *young) return;
                                        if (!young) return remove({PolicyMember::Kind::kWorkload, name});
                                        const Workload& workload = **young;
                                        auto member = member_of(PolicyMember::Kind::kWorkload, workload.metadata);
                                        member.node = workload.node;
                                        member.account = workload.service_account;
                                        member.workload_name = name.second;
                                        member.ports = &workload.ports;
                                        member.workload = &workload;
                                        member.addresses = usable(workload.addresses);
                                        put(std::move(member));
                                      });
  seen_workloads_ = snapshot.workloads;
}

void PolicyClasses::update_nodes(const Snapshot& snapshot) {
  snapshot.nodes.for_each_touched(seen_nodes_, [&](const NamespacedName& name, const auto* old, const auto* young) {
    if (old && young && *old == *young) return;
    if (!young) return remove({PolicyMember::Kind::kNode, name});
    static const std::vector<NamedPort> no_ports;
    const Node& node = **young;
    auto member = member_of(PolicyMember::Kind::kNode, node.metadata);
    member.ports = &no_ports;
    member.addresses = usable(node.addresses);
    put(std::move(member));
  });
  seen_nodes_ = snapshot.nodes;
}

}  // namespace weft
