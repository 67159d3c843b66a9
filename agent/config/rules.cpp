#include "agent/config/rules.hpp"

#include <sys/un.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace weft {
namespace {

constexpr std::size_t kLongestPath = 4095;  // PATH_MAX less the terminator
constexpr std::size_t kLongestSocketPath = sizeof(sockaddr_un{}.sun_path) - 1;
constexpr std::size_t kLongestInterface = 15;  // IFNAMSIZ less the terminator
constexpr std::size_t kLongestLabel = 63;      // RFC 1123
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestTrustDomain = 255;  // SPIFFE ID, 2.1
constexpr std::size_t kLongestGroup = 32;         // useradd(8)

bool is_lower_alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_alnum(char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z'); }
bool one_of(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

// RFC 1123: labels of lower-case letters, digits and inner '-', joined by dots.
bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kLongestName) return false;
  while (true) {
    auto label = text.substr(0, text.find('.'));
    bool plain = std::ranges::all_of(label, [](char c) { return is_lower_alnum(c) || c == '-'; });
    if (label.empty() || label.size() > kLongestLabel || !plain || label.front() == '-' || label.back() == '-')
      return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

// A Kubernetes label value, or nothing.
bool is_label_value(std::string_view text) {
  if (text.empty()) return true;
  bool plain = std::ranges::all_of(text, [](char c) { return is_alnum(c) || one_of(c, "-_."); });
  return plain && text.size() <= kLongestLabel && is_alnum(text.front()) && is_alnum(text.back());
}

bool is_trust_domain(std::string_view text) {
  bool plain = std::ranges::all_of(text, [](char c) { return is_lower_alnum(c) || one_of(c, "-_."); });
  return plain && !text.empty() && text.size() <= kLongestTrustDomain;
}

bool is_path(std::string_view text, std::size_t longest) {
  if (text.size() < 2 || text.size() > longest || text.front() != '/') return false;
  if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; })) return false;
  auto with_end = std::string(text) + "/";
  return with_end.find("/../") == std::string::npos;
}

bool is_interface(std::string_view text) {
  bool plain = std::ranges::all_of(text, [](char c) { return is_alnum(c) || one_of(c, "-_.@*?[]"); });
  return plain && !text.empty() && text.size() <= kLongestInterface;
}

// Names as groupadd(8) makes them, and numeric ids.
bool is_group(std::string_view text) {
  if (text.empty()) return true;
  bool plain = std::ranges::all_of(text, [](char c) { return is_alnum(c) || one_of(c, "-_."); });
  return plain && text.size() <= kLongestGroup && text.front() != '-';
}

std::string joined(const std::vector<std::string_view>& choices) {
  std::string text;
  for (auto choice : choices) text += (text.empty() ? "" : ", ") + std::string(choice);
  return text;
}

struct ProtocolName {
  std::string_view name;
  std::uint8_t number;
};
constexpr std::array<ProtocolName, 3> kProtocols = {{{"tcp", 6}, {"udp", 17}, {"sctp", 132}}};

template <class Number>
bool parse_number(std::string_view text, Number& number) {
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

bool keeps_rule(const ConfigKey& key, std::string_view text) {
  switch (key.rule) {
    case ConfigRule::kNodeName:
      return is_host_name(text);
    case ConfigRule::kTopologyName:
      return is_label_value(text);
    case ConfigRule::kTrustDomain:
      return is_trust_domain(text);
    case ConfigRule::kPath:
      return is_path(text, kLongestPath);
    case ConfigRule::kPathOrEmpty:
      return text.empty() || is_path(text, kLongestPath);
    case ConfigRule::kSocketPath:
      return is_path(text, kLongestSocketPath);
    case ConfigRule::kInterface:
      return is_interface(text);
    case ConfigRule::kGroup:
      return is_group(text);
    case ConfigRule::kChoice:
      return std::ranges::find(key.choices, text) != key.choices.end();
    case ConfigRule::kListen:
      return parse_listen(text).has_value();
    case ConfigRule::kPortProtocol:
      return parse_port_protocol(text).has_value();
    case ConfigRule::kBytes:
      return parse_byte_size(text).has_value();
    case ConfigRule::kBool:
    case ConfigRule::kCount:
      return false;  // never a text
  }
  return false;
}

std::string wanted_by_rule(const ConfigKey& key) {
  auto range = std::to_string(key.min) + " to " + std::to_string(key.max);
  switch (key.rule) {
    case ConfigRule::kNodeName:
      return "a host name (lower-case letters, digits, '-' and '.'; RFC 1123) such as node-a";
    case ConfigRule::kTopologyName:
      return "a label value (at most 63 letters, digits, '-', '_' and '.') such as z1";
    case ConfigRule::kTrustDomain:
      return "a trust domain (lower-case letters, digits, '-', '_' and '.') such as cluster.local";
    case ConfigRule::kPath:
      return "an absolute path without '..' such as /var/lib/weft";
    case ConfigRule::kPathOrEmpty:
      return "an absolute path without '..', or \"\"";
    case ConfigRule::kSocketPath:
      return "an absolute path of at most " + std::to_string(kLongestSocketPath) + " bytes such as /run/weft/weft.sock";
    case ConfigRule::kInterface:
      return "the name of an interface (at most 15 characters) such as eth0, or a glob such as eth*";
    case ConfigRule::kGroup:
      return "the name of a group such as weft, or \"\"";
    case ConfigRule::kChoice:
      return "one of " + joined(key.choices);
    case ConfigRule::kListen:
      return "an address with a port such as 127.0.0.1:9690 or [::1]:9690, or off";
    case ConfigRule::kPortProtocol:
      return "a port with its protocol such as 22/tcp or 53/udp";
    case ConfigRule::kBool:
      return "true or false";
    case ConfigRule::kCount:
      return "a number from " + range;
    case ConfigRule::kBytes:
      return "a power of two from " + range + " bytes such as 4MiB, or 0";
  }
  return "";
}

std::optional<PortProtocol> parse_port_protocol(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  PortProtocol value;
  auto protocol = std::ranges::find(kProtocols, text.substr(slash + 1), &ProtocolName::name);
  if (!parse_number(text.substr(0, slash), value.port) || value.port == 0 || protocol == kProtocols.end())
    return std::nullopt;
  value.protocol = protocol->number;
  return value;
}

std::string port_protocol_text(const PortProtocol& value) {
  auto protocol = std::ranges::find(kProtocols, value.protocol, &ProtocolName::number);
  return std::to_string(value.port) + "/" + std::string(protocol->name);
}

std::optional<std::optional<SocketAddress>> parse_listen(std::string_view text) {
  if (text == "off") return std::optional<SocketAddress>();
  auto address = SocketAddress::parse(text);
  if (!address || address->port == 0) return std::nullopt;
  return *address;
}

std::optional<std::uint64_t> parse_byte_size(std::string_view text) {
  std::uint64_t unit = 1;
  for (auto [suffix, factor] :
       {std::pair<std::string_view, std::uint64_t>{"KiB", 1U << 10}, {"MiB", 1U << 20}, {"GiB", 1U << 30}})
    if (text.ends_with(suffix)) {
      unit = factor;
      text.remove_suffix(suffix.size());
      break;
    }
  std::uint32_t count = 0;
  if (!parse_number(text, count)) return std::nullopt;
  return count * unit;
}

}  // namespace weft
