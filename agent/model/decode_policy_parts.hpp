// Parts that the decoders of NetworkPolicy and ClusterNetworkPolicy share.
#pragma once

#include "agent/model/decode_object.hpp"
#include "agent/model/policy.hpp"

namespace weft {

// Bounds of one policy. Kubernetes itself has none for NetworkPolicy but the size of an object; these keep the rows
// that one object can ask for, and the names of its rules, within what a node can hold.
inline constexpr std::size_t kMostRules = 1000;
inline constexpr std::size_t kMostPeers = 1000;
inline constexpr std::size_t kMostPorts = 1000;
inline constexpr std::size_t kMostExcepts = 1000;

// `noun`: what there are too many of, for the message.
void check_count(const JsonCursor& parent, std::string_view key, std::size_t count, std::size_t most,
                 std::string_view noun);
bool decode_audit_mode(const JsonCursor& object);
std::optional<Cidr> decode_cidr(const JsonCursor& parent, std::string_view key, const std::string& text);
// Both ends of the member `first_key` and `last_key`; the first alone when the last is absent.
void decode_port_range(const JsonCursor& in, std::string_view first_key, std::string_view last_key, PolicyPort& out);
void check_port_name(const JsonCursor& in, std::string_view key, const std::string& name);

}  // namespace weft
