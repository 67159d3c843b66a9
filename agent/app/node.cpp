#include "agent/app/node.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cstring>
#include <ctime>

namespace weft {
namespace {

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000ULL + static_cast<std::uint64_t>(now.tv_nsec);
}

bool address_of(const sockaddr* raw, IpAddress& address) {
  if (raw == nullptr) return false;
  if (raw->sa_family == AF_INET) {
    address = IpAddress::v4(ntohl(reinterpret_cast<const sockaddr_in*>(raw)->sin_addr.s_addr));
    return true;
  }
  if (raw->sa_family != AF_INET6) return false;
  std::memcpy(address.bytes.data(), &reinterpret_cast<const sockaddr_in6*>(raw)->sin6_addr, 16);
  return true;
}

}  // namespace

Result<std::vector<IpAddress>> node_addresses() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return fail_errno(errno, "read the node's addresses");
  std::vector<IpAddress> addresses;
  for (auto* entry = list; entry != nullptr; entry = entry->ifa_next) {
    IpAddress address;
    if ((entry->ifa_flags & IFF_UP) == 0 || !address_of(entry->ifa_addr, address)) continue;
    if (!address.is_loopback() && !address.is_link_local()) addresses.push_back(address);
  }
  ::freeifaddrs(list);
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

std::uint64_t node_memory_bytes() {
  struct sysinfo info{};
  return ::sysinfo(&info) == 0 ? std::uint64_t{info.totalram} * info.mem_unit : 0;
}

std::uint64_t monotonic_ns() { return clock_ns(CLOCK_MONOTONIC); }

std::int64_t wall_ns() { return static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME)); }

std::int64_t boot_ns() { return static_cast<std::int64_t>(clock_ns(CLOCK_BOOTTIME)); }

std::int64_t wall_offset_ns() { return wall_ns() - static_cast<std::int64_t>(monotonic_ns()); }

}  // namespace weft
