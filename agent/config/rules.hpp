// What one text of the configuration must be: each rule as a predicate, a phrase for messages and a pattern for the
// schema.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/config/config.hpp"
#include "agent/config/keys.hpp"

namespace weft {

// For rules whose value is one text; true when `text` may stand there.
bool keeps_rule(const ConfigKey& key, std::string_view text);

// "an absolute path such as /run/weft/weft.sock".
std::string wanted_by_rule(const ConfigKey& key);

// "22/tcp", and back.
std::optional<PortProtocol> parse_port_protocol(std::string_view text);
std::string port_protocol_text(const PortProtocol& value);

// "off" or "127.0.0.1:9690"; the outer optional is empty when it is neither.
std::optional<std::optional<SocketAddress>> parse_listen(std::string_view text);

// "8MiB", "64KiB", "4096".
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace weft
