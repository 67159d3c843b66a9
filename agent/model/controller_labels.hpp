// Labels that controllers put on each pod or each revision: they say nothing about what a pod is.
#pragma once

#include <string_view>

#include "agent/model/objects.hpp"

namespace weft {

bool is_controller_label(std::string_view label);
// Without those.
Labels lasting_labels(const Labels& labels);

}  // namespace weft
