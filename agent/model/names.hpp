// The shapes of names that the Kubernetes API allows. What passes contains no control characters, slashes or blanks.
#pragma once

#include <string_view>

#include "agent/base/address.hpp"

namespace weft {

bool is_dns_label(std::string_view text);      // RFC 1123 label: a-z, 0-9, '-', at most 63
bool is_dns_subdomain(std::string_view text);  // RFC 1123 subdomain: labels and dots, at most 253
bool is_port_name(std::string_view text);      // IANA service name: at most 15, with a letter
bool is_label_key(std::string_view text);      // [subdomain/]name
bool is_label_value(std::string_view text);    // empty, or at most 63 of letters, digits, '-', '_', '.'

// Why no service and no endpoint may have this address; empty when it may: "loopback", "link-local", …
std::string_view forbidden_range(const IpAddress& address);

}  // namespace weft
