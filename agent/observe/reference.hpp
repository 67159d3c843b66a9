// Reference pages for people, from the tables that the code itself uses.
#pragma once

#include <string>

namespace weft {

std::string metrics_reference_markdown();  // docs/metrics.md
std::string drop_reference_markdown();     // docs/drops.md: why connections end or never stand

}  // namespace weft
