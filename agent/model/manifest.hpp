// From one version of a manifest file to events: what is new or gone against the version before. A file that cannot be
// read as a whole keeps all its objects, a bad object in a good file keeps its own last good version.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "agent/model/decode.hpp"
#include "agent/model/event.hpp"

namespace weft {

struct ManifestOrigin {
  SourceId source;
  std::string path;
  std::chrono::steady_clock::time_point received{};
};

// `claimed` is what the file claimed so far, sorted; it is brought up to date.
std::vector<Event> manifest_events(const ManifestOrigin& origin, Decoded decoded, std::vector<ObjectKey>& claimed);

// The file is gone, and with it all that it claimed.
std::vector<Event> manifest_gone_events(const ManifestOrigin& origin, std::vector<ObjectKey>& claimed);

}  // namespace weft
