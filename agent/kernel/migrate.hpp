// Copies the entries of a map into its successor of another layout or size.
#pragma once

#include <string>

#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"

namespace weft {

// Returns how many entries were copied; those that do not fit into a smaller successor are left out and counted in
// `left_out`. Refuses when key or value sizes differ and nothing says how to convert them.
struct Copied {
  std::uint64_t entries = 0;
  std::uint64_t left_out = 0;
};
Result<Copied> copy_map(const PinnedMap& map, int from_fd, int to_fd, unsigned cpus);

}  // namespace weft
