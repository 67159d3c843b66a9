// The decoders of single kinds, behind decode.hpp. Each reads what it uses and reports what is wrong through the
// cursor; the caller drops the object when there was an error.
#pragma once

#include "agent/base/json.hpp"
#include "agent/model/deny_list.hpp"
#include "agent/model/objects.hpp"
#include "agent/model/policy.hpp"

namespace weft {

Namespace decode_namespace(const JsonCursor& object, Metadata metadata);
Node decode_node(const JsonCursor& object, Metadata metadata);
Pod decode_pod(const JsonCursor& object, Metadata metadata);
Service decode_service(const JsonCursor& object, Metadata metadata);
EndpointSlice decode_slice(const JsonCursor& object, Metadata metadata);
Workload decode_workload(const JsonCursor& object, Metadata metadata);
NetworkPolicy decode_network_policy(const JsonCursor& object, Metadata metadata);
ClusterNetworkPolicy decode_cluster_policy(const JsonCursor& object, Metadata metadata);
DenyList decode_deny_list(const JsonCursor& object, Metadata metadata);

// Parts that several kinds share.
enum class NameRule : std::uint8_t { kLabel, kSubdomain };
Metadata decode_metadata(const JsonCursor& object, NameRule rule, bool namespaced);
// For weft's own kinds, whose fields are all known: around `spec`.
void refuse_unknown_around(const JsonCursor& object);
LabelSelector decode_selector(const JsonCursor& parent, std::string_view key);
Labels decode_labels(const JsonCursor& parent, std::string_view key);
// A name that refers to another object; empty when absent or wrong.
std::string decode_reference(const JsonCursor& parent, std::string_view key, NameRule rule);
Protocol decode_protocol(const JsonCursor& port);
std::string decode_app_protocol(const JsonCursor& port);
// What services and endpoints may be reached at; nothing when `text` is no address or lies in a forbidden range.
std::optional<IpAddress> decode_address(const JsonCursor& parent, std::string_view key, std::string_view text);
// The member of `parent` under `key`, one of `values`; the first value when absent or wrong.
std::string_view decode_choice(const JsonCursor& parent, std::string_view key,
                               std::initializer_list<std::string_view> values);
std::uint16_t decode_port_number(const JsonCursor& parent, std::string_view key);

inline constexpr std::string_view kServiceNameLabel = "kubernetes.io/service-name";

}  // namespace weft
