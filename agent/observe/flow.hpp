// One thing that happened to a connection, with the names of both ends as they were at that time. decode_event checks
// what the kernel's ring holds; flow_json writes the Flow of the API, one line without a line feed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/address.hpp"
#include "agent/observe/names.hpp"
#include "weft/abi/flow.h"
#include "weft/abi/policy.h"

namespace weft {

enum class FlowKind : std::uint8_t { kOpen, kClose, kDeny, kAudit };
// kAudited: passed, though audited policies would deny it.
enum class FlowVerdict : std::uint8_t { kAllowed, kDenied, kNoEndpoint, kAudited };

std::string_view flow_kind_name(FlowKind kind);             // "open", "close", "deny", "audit"
std::string_view flow_verdict_name(FlowVerdict verdict);    // "allowed", "denied", "no-endpoint", "audited"
std::string_view reporter_name(std::uint8_t reporter);      // of enum weft_reporter: "source", "destination"
std::string_view close_reason_name(std::uint8_t reason);    // of enum weft_close_reason; "" when out of range
std::string_view fail_reason_name(std::uint8_t reason);     // of enum weft_fail_reason; "" when out of range
std::string_view verdict_reason_name(std::uint8_t reason);  // of enum weft_verdict_reason; "" when out of range
std::string_view direction_name(std::uint8_t direction);    // of enum weft_direction: "ingress", "egress"
std::string_view transport_name(std::uint8_t protocol);     // "TCP", "UDP", "SCTP"; "" for others
std::string protocol_text(std::uint8_t protocol);           // likewise, or "ICMP" (also of IPv6), or the number

struct Place {
  std::string zone;
  std::string region;
};

// Where a process runs: its cgroup below the cgroup v2 root and the systemd unit that the cgroup belongs to.
struct ProcessPlace {
  std::string cgroup;
  std::string unit;
};

struct FlowEnd {
  SharedName workload;                     // null: no endpoint was chosen
  std::shared_ptr<const std::string> pod;  // its name; null: not a pod, or not known
  std::shared_ptr<const Pod> pod_object;   // as it was then; null likewise, and where flows are read again
  std::shared_ptr<const Place> place;      // null: unknown
  SocketAddress address;
};

struct Flow {
  std::int64_t time_ns = 0;  // since 1970, UTC
  FlowKind kind = FlowKind::kOpen;
  FlowVerdict verdict = FlowVerdict::kAllowed;
  std::uint8_t protocol = 0;   // IPPROTO_*
  std::uint8_t reporter = 0;   // enum weft_reporter
  std::string_view reason;     // of the tables in flow.h and policy.h; empty: none
  std::string_view direction;  // in which a policy decided: "ingress", "egress"; empty: none was asked
  SharedRule policy;           // that decided; null: none, or not known
  FlowEnd source;
  FlowEnd destination;
  SharedName service;  // null: the endpoint was dialled itself
  std::optional<SocketAddress> service_address;
  std::uint64_t sent_bytes = 0;  // payload, client to server
  std::uint64_t received_bytes = 0;
  std::uint64_t duration_ns = 0;  // of the set-up for opens, of the whole connection for closes
  std::uint32_t sent_packets = 0;
  std::uint32_t received_packets = 0;
  std::uint32_t retransmits = 0;
  std::uint32_t rtt_us = 0;
  std::uint32_t pid = 0;  // 0: unknown
  std::string command;
  std::shared_ptr<const ProcessPlace> process;  // null: unknown
};

// Nothing when the record is not one of ours: wrong size, an enum out of range, or no peer at all.
std::optional<weft_flow_event> decode_event(std::span<const std::byte> record);

IpAddress to_ip_address(const weft_address& address);

void append_flow_json(std::string& out, const Flow& flow);
std::string flow_json(const Flow& flow);

// "2024-05-01T12:00:00.123456Z" (RFC 3339).
std::string rfc3339(std::int64_t unix_ns);

// The unit that systemd would name for a cgroup: the first component below the slices, or, within user@N.service, the
// user's own unit. Empty when the path holds none.
std::string systemd_unit(std::string_view cgroup_path);

}  // namespace weft
