#include "agent/model/objects.hpp"

#include <algorithm>

#include "agent/base/result.hpp"
#include "agent/model/policy.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {
namespace {

bool holds(const LabelSelector::Requirement& requirement, const Labels& labels) {
  auto it = labels.find(requirement.key);
  bool present = it != labels.end();
  bool listed = present && std::ranges::find(requirement.values, it->second) != requirement.values.end();
  switch (requirement.op) {
    case LabelSelector::Operator::kIn:
      return listed;
    case LabelSelector::Operator::kNotIn:
      return !listed;
    case LabelSelector::Operator::kExists:
      return present;
    case LabelSelector::Operator::kDoesNotExist:
      return !present;
  }
  WEFT_ASSERT(false);
  return false;
}

template <class T>
constexpr ObjectKind kKindOf = ObjectKind::kNamespace;
template <>
constexpr ObjectKind kKindOf<Node> = ObjectKind::kNode;
template <>
constexpr ObjectKind kKindOf<Pod> = ObjectKind::kPod;
template <>
constexpr ObjectKind kKindOf<Service> = ObjectKind::kService;
template <>
constexpr ObjectKind kKindOf<EndpointSlice> = ObjectKind::kEndpointSlice;
template <>
constexpr ObjectKind kKindOf<Workload> = ObjectKind::kWorkload;
template <>
constexpr ObjectKind kKindOf<NetworkPolicy> = ObjectKind::kNetworkPolicy;
template <>
constexpr ObjectKind kKindOf<ClusterNetworkPolicy> = ObjectKind::kClusterNetworkPolicy;
template <>
constexpr ObjectKind kKindOf<DenyList> = ObjectKind::kDenyList;

}  // namespace

std::string_view protocol_name(Protocol protocol) {
  switch (protocol) {
    case Protocol::kTcp:
      return "TCP";
    case Protocol::kUdp:
      return "UDP";
    case Protocol::kSctp:
      return "SCTP";
  }
  return "unknown";
}

std::string_view kind_name(ObjectKind kind) {
  switch (kind) {
    case ObjectKind::kNamespace:
      return "Namespace";
    case ObjectKind::kNode:
      return "Node";
    case ObjectKind::kPod:
      return "Pod";
    case ObjectKind::kService:
      return "Service";
    case ObjectKind::kEndpointSlice:
      return "EndpointSlice";
    case ObjectKind::kWorkload:
      return "Workload";
    case ObjectKind::kNetworkPolicy:
      return "NetworkPolicy";
    case ObjectKind::kClusterNetworkPolicy:
      return "ClusterNetworkPolicy";
    case ObjectKind::kDenyList:
      return "DenyList";
    case ObjectKind::kQuarantine:
      return "Quarantine";
  }
  return "unknown";
}

std::string ObjectKey::text() const {
  return std::string(kind_name(kind)) + " " + (space.empty() ? name : space + "/" + name);
}

bool LabelSelector::matches(const Labels& labels) const {
  return std::ranges::all_of(requirements, [&](const Requirement& r) { return holds(r, labels); });
}

ObjectKey object_key(const Object& object) {
  return std::visit(
      []<class T>(const std::shared_ptr<const T>& value) {
        return ObjectKey{kKindOf<T>, value->metadata.space, value->metadata.name};
      },
      object);
}

bool Snapshot::all_synced() const {
  return std::ranges::all_of(sources, [](const auto& source) { return source.second.synced; });
}

}  // namespace weft
