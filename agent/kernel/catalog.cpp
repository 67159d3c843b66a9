#include "agent/kernel/catalog.hpp"

namespace weft {

std::string PinnedMap::pin_name() const {
  auto pinned = kind == MapKind::SOCKET ? layout : layout + WEFT_LAYOUT_STEP;
  return std::string(name) + "_v" + std::to_string(pinned);
}

}  // namespace weft
