// Whether one part of a policy covers another whatever the labels are: never a wrong yes, sometimes a no too many.
#pragma once

#include "agent/model/policy.hpp"

namespace weft {

bool covers(const LabelSelector& outer, const LabelSelector& inner);
bool covers(const PodSelection& outer, const PodSelection& inner);  // of one namespace
bool covers(const PolicyRule& outer, const PolicyRule& inner);      // peers and ports; actions do not matter

}  // namespace weft
