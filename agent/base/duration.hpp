// Times as people and the Kubernetes API write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace weft {

// "90s", "10m", "1h30m", "7d": whole numbers with their units, the larger first. Nothing for anything else, and for
// more than 2^53 seconds.
std::optional<std::uint64_t> parse_seconds(std::string_view text);
std::string seconds_text(std::uint64_t seconds);  // "1h30m"; "0s"

// "2026-01-31T12:00:00Z", also with a fraction, which is dropped, or an offset: seconds since 1970 (RFC 3339).
std::optional<std::int64_t> parse_rfc3339(std::string_view text);

}  // namespace weft
