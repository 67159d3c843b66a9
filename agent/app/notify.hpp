// Tells systemd how we are, by the datagram protocol of sd_notify(3). Silent when NOTIFY_SOCKET is not set.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace weft {

void notify_service_manager(std::string_view state);  // "READY=1", "STATUS=…", "WATCHDOG=1", "STOPPING=1"

// Half of what WATCHDOG_USEC allows; nothing when the unit has no watchdog.
std::optional<std::chrono::microseconds> watchdog_pace();

}  // namespace weft
