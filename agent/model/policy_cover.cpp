#include "agent/model/policy_cover.hpp"

#include <algorithm>

namespace weft {
namespace {

bool covers(const NetworkBlock& outer, const NetworkBlock& inner) {
  if (!outer.cidr.contains(inner.cidr)) return false;
  return std::ranges::all_of(outer.except, [&](const Cidr& hole) {
    bool apart = !hole.contains(inner.cidr) && !inner.cidr.contains(hole);
    return apart || std::ranges::any_of(inner.except, [&](const Cidr& own) { return own.contains(hole); });
  });
}

bool covers(const PolicyPeer& outer, const PolicyPeer& inner) {
  if (outer.index() != inner.index()) return false;
  if (const auto* pods = std::get_if<PodSelection>(&outer)) return covers(*pods, std::get<PodSelection>(inner));
  if (const auto* block = std::get_if<NetworkBlock>(&outer)) return covers(*block, std::get<NetworkBlock>(inner));
  return covers(std::get<NodeSelection>(outer).nodes, std::get<NodeSelection>(inner).nodes);
}

bool covers(const PolicyPort& outer, const PolicyPort& inner) {
  if (outer.protocol != inner.protocol || outer.name != inner.name) {
    bool whole = outer.name.empty() && outer.first == 0 && outer.protocol && outer.protocol == inner.protocol;
    return whole;
  }
  if (!outer.name.empty() || outer.first == 0) return true;
  return inner.first != 0 && outer.first <= inner.first && inner.last <= outer.last;
}

template <class T>
bool covers_all(const std::vector<T>& outer, const std::vector<T>& inner) {
  return std::ranges::all_of(inner, [&](const T& part) {
    return std::ranges::any_of(outer, [&](const T& whole) { return covers(whole, part); });
  });
}

}  // namespace

// Fewer requirements select more.
bool covers(const LabelSelector& outer, const LabelSelector& inner) {
  return std::ranges::all_of(outer.requirements, [&](const LabelSelector::Requirement& r) {
    return std::ranges::find(inner.requirements, r) != inner.requirements.end();
  });
}

bool covers(const PodSelection& outer, const PodSelection& inner) {
  if (!covers(outer.pods, inner.pods)) return false;
  if (outer.namespaces && outer.namespaces->requirements.empty()) return true;
  if (outer.namespaces.has_value() != inner.namespaces.has_value()) return false;
  return !outer.namespaces || covers(*outer.namespaces, *inner.namespaces);
}

bool covers(const PolicyRule& outer, const PolicyRule& inner) {
  if (!outer.any_peer && (inner.any_peer || !covers_all(outer.peers, inner.peers))) return false;
  return outer.any_port || (!inner.any_port && covers_all(outer.ports, inner.ports));
}

}  // namespace weft
