#include "agent/model/manifest.hpp"

#include <algorithm>

namespace weft {

std::vector<Event> manifest_events(const ManifestOrigin& origin, Decoded decoded, std::vector<ObjectKey>& claimed) {
  std::vector<Event> events;
  if (decoded.usable) {
    std::vector<ObjectKey> kept;
    for (auto& item : decoded.objects) {
      kept.push_back(object_key(item.object));
      events.push_back({ObjectChanged{origin.source, std::move(item.origin), std::move(item.object)}, origin.received});
    }
    std::ranges::sort(kept);
    std::ranges::sort(decoded.refused);
    std::vector<ObjectKey> old;  // claimed before, but not decoded now
    for (auto& key : claimed) {
      if (std::ranges::binary_search(kept, key)) continue;
      if (decoded.unidentified || std::ranges::binary_search(decoded.refused, key))
        old.push_back(std::move(key));
      else
        events.push_back({ObjectRemoved{origin.source, origin.path, std::move(key)}, origin.received});
    }
    kept.insert(kept.end(), std::make_move_iterator(old.begin()), std::make_move_iterator(old.end()));
    std::ranges::sort(kept);
    claimed = std::move(kept);
  }
  events.push_back({OriginDiagnosed{origin.source, origin.path, std::move(decoded.diagnostics)}, origin.received});
  return events;
}

std::vector<Event> manifest_gone_events(const ManifestOrigin& origin, std::vector<ObjectKey>& claimed) {
  std::vector<Event> events;
  for (auto& key : claimed)
    events.push_back({ObjectRemoved{origin.source, origin.path, std::move(key)}, origin.received});
  claimed.clear();
  events.push_back({OriginDiagnosed{origin.source, origin.path, {}}, origin.received});
  return events;
}

}  // namespace weft
