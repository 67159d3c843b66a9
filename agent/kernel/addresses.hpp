// Addresses as the kernel's tables hold them: 16 bytes, of IPv4 in its mapped form, as IpAddress.
#pragma once

#include <cstring>

#include "agent/base/address.hpp"
#include "weft/abi/types.h"

namespace weft {

inline weft_address raw_address(const IpAddress& address) {
  weft_address raw;
  static_assert(sizeof raw == sizeof address.bytes);
  std::memcpy(&raw, address.bytes.data(), sizeof raw);
  return raw;
}

inline IpAddress address_of(const weft_address& raw) {
  IpAddress address;
  std::memcpy(address.bytes.data(), &raw, sizeof raw);
  return address;
}

}  // namespace weft
