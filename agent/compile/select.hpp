// Which endpoints of a service port a frontend may give out.
#pragma once

#include <vector>

#include "agent/compile/topology.hpp"
#include "agent/model/endpoints.hpp"

namespace weft {

using EndpointRefs = std::vector<const ServiceEndpoint*>;

// In this order: a traffic policy Local leaves the endpoints of one node (`only_node`; null: of all nodes); those that
// are ready, or, when none is, those that serve while they terminate; of these the nearest by `distribution`, or for
// kAny those that are hinted for this node or zone. Keeps the order of `endpoints`.
EndpointRefs select_endpoints(const EndpointRefs& endpoints, const std::string* only_node,
                              Service::Distribution distribution, const NodePlace& here);

}  // namespace weft
