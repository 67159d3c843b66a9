// Copies the entries of a map into its successor of another layout or size: once before programs run on the successor,
// and once more when they do, for what the old programs wrote in between.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/kernel/catalog.hpp"

namespace weft {

using RawEntries = std::map<std::vector<unsigned char>, std::vector<unsigned char>>;

struct Copied {
  std::uint64_t entries = 0;
  std::uint64_t left_out = 0;  // did not fit into a smaller successor
  RawEntries seen;             // of maps that programs write, as they were when they were copied
};

// Refuses when key or value sizes differ and nothing says how to convert them.
Result<Copied> copy_map(const PinnedMap& map, int from_fd, int to_fd, unsigned cpus);

// Takes over what the old map gained since `seen`, when no program writes it any more. Counters are added, new entries
// are added, entries that are gone go; what the new programs wrote meanwhile stays.
Result<> catch_up_map(const PinnedMap& map, int from_fd, int to_fd, const RawEntries& seen, unsigned cpus);

}  // namespace weft
