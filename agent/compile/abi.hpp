// From the model's values to those of the kernel maps.
#pragma once

#include <cstring>
#include <functional>
#include <string_view>

#include "agent/base/address.hpp"
#include "agent/model/objects.hpp"
#include "weft/abi/flow.h"
#include "weft/abi/service.h"

namespace weft {

inline weft_address to_abi(const IpAddress& address) {
  weft_address out;
  static_assert(sizeof(out) == sizeof(address.bytes));
  std::memcpy(&out, address.bytes.data(), sizeof(out));
  return out;
}

inline IpAddress from_abi(const weft_address& address) {
  IpAddress out;
  std::memcpy(out.bytes.data(), &address, sizeof(address));
  return out;
}

inline weft_service_key make_service_key(const IpAddress& address, std::uint16_t port, Protocol protocol) {
  return {to_abi(address), Be16::from_host(port).raw, static_cast<std::uint8_t>(protocol), 0};
}

// A row for every port of the address.
inline weft_owner_key make_owner_key(const IpAddress& address) { return {to_abi(address), 0, 0, 0}; }
inline weft_owner_key make_owner_key(const IpAddress& address, std::uint16_t port, Protocol protocol) {
  return {to_abi(address), Be16::from_host(port).raw, static_cast<std::uint8_t>(protocol), 0};
}

template <class T>
bool bytes_less(const T& a, const T& b) {
  static_assert(std::has_unique_object_representations_v<T>);
  return std::memcmp(&a, &b, sizeof(T)) < 0;
}

template <class T>
bool bytes_equal(const T& a, const T& b) {
  static_assert(std::has_unique_object_representations_v<T>);
  return std::memcmp(&a, &b, sizeof(T)) == 0;
}

template <class T>
struct BytesHash {
  std::size_t operator()(const T& value) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&value), sizeof(T)});
  }
};

template <class T>
struct BytesEqual {
  bool operator()(const T& a, const T& b) const { return bytes_equal(a, b); }
};

}  // namespace weft
