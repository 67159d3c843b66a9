// Ports of rules as blocks that the kernel looks up: see enum weft_shape.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/model/objects.hpp"
#include "weft/abi/policy.h"

namespace weft {

struct PortBlock {
  std::uint8_t shape = WEFT_SHAPE_ANY;
  std::uint8_t protocol = 0;  // 0: any
  std::uint16_t first = 0;
  auto operator<=>(const PortBlock&) const = default;
};

// All ports from `first` to `last`; at most WEFT_RANGE_PORTS single ports, or 104 blocks.
void append_port_blocks(Protocol protocol, std::uint16_t first, std::uint16_t last, std::vector<PortBlock>& out);

}  // namespace weft
