#include "agent/base/cidr.hpp"

#include <charconv>

namespace weft {
namespace {

constexpr unsigned kMappedBits = 96;

std::unexpected<Error> no_block(std::string_view text) {
  return fail(EINVAL, "'" + std::string(text) + "' is not a block like 10.0.0.0/8 or fd00::/8");
}

void clear_behind(IpAddress& address, unsigned bits) {
  for (unsigned i = 0; i < address.bytes.size(); ++i) {
    unsigned kept = bits <= i * 8 ? 0 : std::min(8U, bits - i * 8);
    address.bytes[i] = static_cast<std::uint8_t>(address.bytes[i] & (0xFF00U >> kept));
  }
}

}  // namespace

Result<Cidr> Cidr::parse(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return no_block(text);
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return no_block(text);
  auto number = text.substr(slash + 1);
  bool dotted = text.find(':') == std::string_view::npos;
  if (address->is_v4() && !dotted)
    return fail(EINVAL, "'" + std::string(text) + "' is IPv4 in the form of IPv6; write it as IPv4");
  unsigned bits = 0;
  auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), bits);
  bool plain = !number.empty() && (number.size() == 1 || number[0] != '0');
  if (!plain || problem != std::errc() || end != number.data() + number.size() || bits > (dotted ? 32U : 128U))
    return no_block(text);
  return around(*address, static_cast<std::uint8_t>(bits));
}

Cidr Cidr::around(const IpAddress& address, std::uint8_t bits) {
  Cidr out{address, static_cast<std::uint8_t>(address.is_v4() ? bits + kMappedBits : bits)};
  clear_behind(out.address, out.bits);
  return out;
}

bool Cidr::contains(const IpAddress& other) const {
  if (other.is_v4() != is_v4()) return false;
  auto first = other;
  clear_behind(first, bits);
  return first == address;
}

bool Cidr::contains(const Cidr& other) const { return other.bits >= bits && contains(other.address); }

std::string Cidr::text() const { return address.text() + "/" + std::to_string(is_v4() ? bits - kMappedBits : bits); }

}  // namespace weft
