#include "agent/compile/policy_ports.hpp"

#include <algorithm>

namespace weft {
namespace {

struct BlockSize {
  std::uint8_t shape;
  std::uint32_t ports;
};
constexpr BlockSize kSizes[] = {
    {WEFT_SHAPE_PORTS_4096, 4096}, {WEFT_SHAPE_PORTS_256, 256}, {WEFT_SHAPE_PORTS_16, 16}, {WEFT_SHAPE_PORT, 1}};

}  // namespace

void append_port_blocks(Protocol protocol, std::uint16_t first, std::uint16_t last, std::vector<PortBlock>& out) {
  auto number = static_cast<std::uint8_t>(protocol);
  std::uint32_t next = first, end = std::uint32_t{last} + 1;
  bool wide = end - next > WEFT_RANGE_PORTS;
  while (next < end) {
    const auto* size = std::ranges::find_if(kSizes, [&](const BlockSize& s) {
      return s.ports == 1 || (wide && next % s.ports == 0 && next + s.ports <= end);
    });
    out.push_back({size->shape, number, static_cast<std::uint16_t>(next)});
    next += size->ports;
  }
}

}  // namespace weft
