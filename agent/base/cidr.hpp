// Blocks of IP addresses. IPv4 blocks are kept as the v4-mapped addresses that IpAddress holds, so their length counts
// the 96 bits in front; an IPv6 block never holds an IPv4 address, not even ::/0.
#pragma once

#include "agent/base/address.hpp"

namespace weft {

struct Cidr {
  IpAddress address;      // the first of the block
  std::uint8_t bits = 0;  // of the 16 bytes: 96 more than people write for IPv4

  // "10.0.0.0/8", "fd00::/8"; bits behind the prefix are cleared. Refuses v4-mapped IPv6.
  static Result<Cidr> parse(std::string_view text);
  // The block of so many bits, as people count them, that holds the address.
  static Cidr around(const IpAddress& address, std::uint8_t bits);
  bool is_v4() const { return address.is_v4(); }
  bool contains(const IpAddress& other) const;
  bool contains(const Cidr& other) const;  // also when both are equal
  std::string text() const;

  auto operator<=>(const Cidr&) const = default;
};

}  // namespace weft
