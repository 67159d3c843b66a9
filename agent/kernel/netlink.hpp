// Reading rtnetlink (netlink(7), rtnetlink(7)) out of bytes that may be anything: nothing is read beyond them, and what
// is cut short ends the walk.
#pragma once

#include <linux/netlink.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace weft {

using Bytes = std::span<const std::byte>;

// The number of the namespace that a message is about, when it is the agent's own.
inline constexpr std::int32_t kOwnNamespace = -1;

// The fixed part at the begin of a message or attribute; false when there are fewer bytes.
template <class T>
bool read_fixed(Bytes from, T& into) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (from.size() < sizeof into) return false;
  std::memcpy(&into, from.data(), sizeof into);
  return true;
}

inline std::size_t netlink_aligned(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

// visit(header, payload) for each whole message; false when something is left that is none.
template <class F>
bool for_each_message(Bytes bytes, F&& visit) {
  nlmsghdr header{};
  while (read_fixed(bytes, header)) {
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > bytes.size()) return false;
    visit(header, bytes.subspan(sizeof header, header.nlmsg_len - sizeof header));
    bytes = bytes.subspan(std::min(netlink_aligned(header.nlmsg_len), bytes.size()));
  }
  return bytes.empty();
}

// visit(type, value) for each whole attribute; flags are taken off the type.
template <class F>
bool for_each_attribute(Bytes bytes, F&& visit) {
  nlattr header{};
  while (read_fixed(bytes, header)) {
    if (header.nla_len < sizeof header || header.nla_len > bytes.size()) return false;
    visit(static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
          bytes.subspan(sizeof header, header.nla_len - sizeof header));
    bytes = bytes.subspan(std::min(netlink_aligned(header.nla_len), bytes.size()));
  }
  return bytes.empty();
}

}  // namespace weft
