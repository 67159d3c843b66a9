#include "agent/base/address.hpp"

#include <charconv>

namespace weft {
namespace {

constexpr std::array<std::uint8_t, 12> kV4Prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

Result<std::uint16_t> parse_port(std::string_view text) {
  unsigned port = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc() || end != text.data() + text.size() || port > 65535)
    return fail(EINVAL, "'" + std::string(text) + "' is not a port (0-65535)");
  return static_cast<std::uint16_t>(port);
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  std::string terminated(text);
  IpAddress address;
  if (text.find('\0') == std::string_view::npos) {
    if (::inet_pton(AF_INET, terminated.c_str(), address.bytes.data() + 12) == 1) {
      std::copy(kV4Prefix.begin(), kV4Prefix.end(), address.bytes.begin());
      return address;
    }
    if (::inet_pton(AF_INET6, terminated.c_str(), address.bytes.data()) == 1) return address;
  }
  return fail(EINVAL, "'" + terminated + "' is not an IPv4 or IPv6 address");
}

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress address;
  std::copy(kV4Prefix.begin(), kV4Prefix.end(), address.bytes.begin());
  auto network = htonl(host_order);
  std::memcpy(address.bytes.data() + 12, &network, 4);
  return address;
}

bool IpAddress::is_v4() const { return std::equal(kV4Prefix.begin(), kV4Prefix.end(), bytes.begin()); }

bool IpAddress::is_unspecified() const { return *this == IpAddress{} || *this == IpAddress::v4(0); }

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  IpAddress loopback;
  loopback.bytes[15] = 1;
  return *this == loopback;
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes[12] == 169 && bytes[13] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

bool IpAddress::is_multicast() const {
  if (is_v4()) return (bytes[12] & 0xf0) == 0xe0;
  return bytes[0] == 0xff;
}

std::string IpAddress::text() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) return ::inet_ntop(AF_INET, bytes.data() + 12, buffer, sizeof buffer);
  return ::inet_ntop(AF_INET6, bytes.data(), buffer, sizeof buffer);
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return fail(EINVAL, "'" + std::string(text) + "' has no port; write ADDRESS:PORT");
  auto host = text.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return fail(EINVAL, "'" + std::string(text) + "': write an IPv6 address with a port as [ADDRESS]:PORT");
  auto address = WEFT_TRY(IpAddress::parse(host));
  auto port = WEFT_TRY(parse_port(text.substr(colon + 1)));
  return SocketAddress{address, port};
}

std::string SocketAddress::text() const {
  auto host = address.is_v4() ? address.text() : "[" + address.text() + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace weft
