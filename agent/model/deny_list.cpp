#include "agent/model/deny_list.hpp"

#include <algorithm>

namespace weft {
namespace {

constexpr std::uint8_t kV4Bits = 96;  // in front of an IPv4 prefix
constexpr std::uint8_t kSingle = 128;

const Cidr kV4Loopback{IpAddress::v4(0x7f000000), kV4Bits + 8};

Cidr v6_loopback() {
  Cidr out{{}, kSingle};
  out.address.bytes.back() = 1;
  return out;
}

}  // namespace

Result<Cidr> parse_denied(std::string_view text) {
  if (text.find('/') == std::string_view::npos) return Cidr{WEFT_TRY(IpAddress::parse(text)), kSingle};
  auto cidr = WEFT_TRY(Cidr::parse(text));
  if (!cidr.is_v4() && std::ranges::equal(cidr.address.bytes, IpAddress().bytes) && cidr.bits < kV4Bits)
    return fail("the kernel holds IPv4 addresses inside of that block; for all of IPv6 write 2000::/3 and fc00::/7");
  return cidr;
}

std::string_view lockout_of(const Cidr& cidr) {
  auto v6 = v6_loopback();
  if (cidr.bits == 0 || (cidr.is_v4() && cidr.bits == kV4Bits)) return "it holds every address of its family";
  if (cidr.contains(kV4Loopback) || kV4Loopback.contains(cidr) || cidr.contains(v6) || v6.contains(cidr))
    return "it holds addresses of the loopback";
  return "";
}

}  // namespace weft
