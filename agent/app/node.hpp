// What the agent reads about its node: addresses, memory, clocks.
#pragma once

#include <cstdint>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/base/result.hpp"

namespace weft {

// Addresses of the interfaces of our network namespace that are up, sorted; without loopback and link-local ones.
Result<std::vector<IpAddress>> node_addresses();

std::uint64_t node_memory_bytes();

std::int64_t wall_ns();  // since 1970
std::int64_t boot_ns();  // CLOCK_BOOTTIME

// CLOCK_MONOTONIC, and what to add to it for nanoseconds since 1970.
std::uint64_t monotonic_ns();
std::int64_t wall_offset_ns();

}  // namespace weft
