#include "agent/compile/select.hpp"

#include <algorithm>

namespace weft {
namespace {

template <class Predicate>
EndpointRefs keep(const EndpointRefs& endpoints, Predicate&& wanted) {
  EndpointRefs kept;
  for (const auto* endpoint : endpoints)
    if (wanted(*endpoint)) kept.push_back(endpoint);
  return kept;
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_near(const std::string& there, const std::string& here) { return !here.empty() && there == here; }

EndpointRefs nearest(const EndpointRefs& endpoints, bool node_first, const NodePlace& here) {
  if (node_first)
    if (auto near = keep(endpoints, [&](auto& e) { return is_near(e.node, here.name); }); !near.empty()) return near;
  if (auto near = keep(endpoints, [&](auto& e) { return is_near(e.zone, here.zone); }); !near.empty()) return near;
  if (auto near = keep(endpoints, [&](auto& e) { return is_near(e.region, here.region); }); !near.empty()) return near;
  return endpoints;
}

using Hints = std::vector<std::string> ServiceEndpoint::*;

// Empty unless every endpoint has hints of this kind.
EndpointRefs hinted(const EndpointRefs& endpoints, Hints hints, const std::string& here) {
  auto has_hints = [hints](const ServiceEndpoint* e) { return !(e->*hints).empty(); };
  if (here.empty() || !std::all_of(endpoints.begin(), endpoints.end(), has_hints)) return {};
  return keep(endpoints, [&](auto& e) { return contains(e.*hints, here); });
}

// kube-proxy's rule: hints of nodes before hints of zones; a kind of hint counts only when it is complete and leaves
// somebody (pkg/proxy topology of Kubernetes 1.34, and KEP-2433).
EndpointRefs follow_hints(const EndpointRefs& endpoints, const NodePlace& here) {
  if (auto near = hinted(endpoints, &ServiceEndpoint::hint_nodes, here.name); !near.empty()) return near;
  if (auto near = hinted(endpoints, &ServiceEndpoint::hint_zones, here.zone); !near.empty()) return near;
  return endpoints;
}

}  // namespace

EndpointRefs select_endpoints(const EndpointRefs& endpoints, const std::string* only_node,
                              Service::Distribution distribution, const NodePlace& here) {
  auto ready = keep(endpoints, [&](auto& e) { return e.ready && (!only_node || e.node == *only_node); });
  bool any_ready = !ready.empty();
  if (!any_ready)
    ready =
        keep(endpoints, [&](auto& e) { return e.serving && e.terminating && (!only_node || e.node == *only_node); });
  if (only_node) return ready;
  switch (distribution) {
    case Service::Distribution::kPreferNode:
      return nearest(ready, true, here);
    case Service::Distribution::kPreferZone:
      return nearest(ready, false, here);
    case Service::Distribution::kAny:
      return any_ready ? follow_hints(ready, here) : ready;
  }
  return ready;
}

}  // namespace weft
