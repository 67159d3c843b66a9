#include "agent/observe/connection_list.hpp"

#include <netinet/in.h>

#include <utility>

namespace weft {
namespace {

// Far more than the time between two reads of the ring: an older connection was in the list when it closed, so the
// kernel has taken it off.
constexpr std::uint64_t kSurelyListedNs = 2'000'000'000;

}  // namespace

void ConnectionList::take(const weft_flow_event& event) {
  if (event.protocol != IPPROTO_TCP) return;
  if (event.kind == WEFT_FLOW_OPEN) {
    opened_.emplace(event.socket_cookie, event);
  } else if (event.kind == WEFT_FLOW_CLOSE) {
    if (opened_.erase(event.socket_cookie) == 0 && event.duration_ns < kSurelyListedNs)
      closed_.push_back(event.socket_cookie);
  }
}

ConnectionChanges ConnectionList::changes() {
  ConnectionChanges changes;
  changes.opened.reserve(opened_.size());
  for (const auto& [cookie, event] : opened_) changes.opened.push_back(event);
  opened_.clear();
  changes.closed = std::exchange(closed_, {});
  return changes;
}

}  // namespace weft
