// IP addresses as one 16-byte value: IPv4 is kept v4-mapped (RFC 4291, 2.5.5.2), exactly as the kernel maps hold it,
// so that ::ffff:a.b.c.d and a.b.c.d are equal. Be16 and Be32 mark network byte order.
#pragma once

#include <arpa/inet.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "agent/base/result.hpp"

namespace weft {

struct Be16 {
  std::uint16_t raw = 0;
  static Be16 from_host(std::uint16_t host) { return {htons(host)}; }
  std::uint16_t host() const { return ntohs(raw); }
  auto operator<=>(const Be16&) const = default;
};

struct Be32 {
  std::uint32_t raw = 0;
  static Be32 from_host(std::uint32_t host) { return {htonl(host)}; }
  std::uint32_t host() const { return ntohl(raw); }
  auto operator<=>(const Be32&) const = default;
};

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};  // network order; IPv4 as ::ffff:a.b.c.d

  // Accepts dotted IPv4 without leading zeros, IPv6 and v4-mapped IPv6 (which is IPv4). No scope ids, no prefixes.
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress v4(std::uint32_t host_order);

  bool is_v4() const;
  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_link_local() const;
  bool is_multicast() const;
  std::string text() const;  // canonical (RFC 5952); IPv4 as dotted

  auto operator<=>(const IpAddress&) const = default;
};

// An address and a port in host order; "10.0.0.1:80", "[fd00::1]:80".
struct SocketAddress {
  IpAddress address;
  std::uint16_t port = 0;

  static Result<SocketAddress> parse(std::string_view text);
  std::string text() const;
  auto operator<=>(const SocketAddress&) const = default;
};

}  // namespace weft

template <>
struct std::hash<weft::IpAddress> {
  std::size_t operator()(const weft::IpAddress& address) const noexcept {
    std::uint64_t high, low;
    std::memcpy(&high, address.bytes.data(), 8);
    std::memcpy(&low, address.bytes.data() + 8, 8);
    std::uint64_t mixed = (high ^ (low * 0x9E3779B97F4A7C15ULL)) * 0xBF58476D1CE4E5B9ULL;
    return mixed ^ (mixed >> 29);
  }
};
