#include "agent/model/names.hpp"

#include <algorithm>

namespace weft {
namespace {

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }
bool is_name_char(char c) { return is_alnum(c) || c == '-' || c == '_' || c == '.'; }

bool is_qualified_part(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_alnum(text.front()) && is_alnum(text.back()) &&
         std::ranges::all_of(text, is_name_char);
}

}  // namespace

bool is_dns_label(std::string_view text) {
  return !text.empty() && text.size() <= 63 && is_lower_alnum(text.front()) && is_lower_alnum(text.back()) &&
         std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || c == '-'; });
}

bool is_dns_subdomain(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    auto dot = text.find('.');
    auto part = text.substr(0, dot);
    bool fits = !part.empty() && is_lower_alnum(part.front()) && is_lower_alnum(part.back()) &&
                std::ranges::all_of(part, [](char c) { return is_lower_alnum(c) || c == '-'; });
    if (!fits) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

bool is_port_name(std::string_view text) {
  bool letter = std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; });
  return letter && text.size() <= 15 && is_dns_label(text) && text.find("--") == std::string_view::npos;
}

bool is_label_key(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return is_qualified_part(text);
  return is_dns_subdomain(text.substr(0, slash)) && is_qualified_part(text.substr(slash + 1));
}

bool is_label_value(std::string_view text) { return text.empty() || is_qualified_part(text); }

std::string_view forbidden_range(const IpAddress& address) {
  static const auto kIpv6Metadata = *IpAddress::parse("fd00:ec2::254");
  if (address.is_unspecified() || (address.is_v4() && address.bytes[12] == 0)) return "unspecified";
  if (address.is_loopback()) return "loopback";
  if (address.is_link_local() || address == kIpv6Metadata) return "link-local or metadata service";
  if (address.is_multicast()) return "multicast";
  if (address == IpAddress::v4(0xFFFFFFFF)) return "broadcast";
  return {};
}

}  // namespace weft
