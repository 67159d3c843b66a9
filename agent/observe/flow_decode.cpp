#include <cstring>

#include "agent/observe/flow.hpp"

namespace weft {
namespace {

#define WEFT_X_NAME(code, name, sentence) std::string_view(name),
constexpr std::string_view kCloseReasons[] = {WEFT_CLOSE_REASONS(WEFT_X_NAME)};
constexpr std::string_view kFailReasons[] = {WEFT_FAIL_REASONS(WEFT_X_NAME)};
constexpr std::string_view kVerdictReasons[] = {WEFT_VERDICT_REASONS(WEFT_X_NAME)};
#undef WEFT_X_NAME

bool is_zero(const weft_address& address) {
  return (address.word[0] | address.word[1] | address.word[2] | address.word[3]) == 0;
}

bool is_of_policy(const weft_flow_event& event) {
  return event.kind == WEFT_FLOW_DENY || event.kind == WEFT_FLOW_AUDIT;
}

bool can_deny(std::uint8_t reason) {
  return reason == WEFT_REASON_ADMIN || reason == WEFT_REASON_DEFAULT_DENY || reason == WEFT_REASON_BASELINE ||
         reason == WEFT_REASON_INCONSISTENT;
}

bool reason_fits(const weft_flow_event& event) {
  switch (event.kind) {
    case WEFT_FLOW_OPEN:
      return true;
    case WEFT_FLOW_CLOSE:
      return event.reason < WEFT_CLOSE_REASON_COUNT;
    case WEFT_FLOW_FAIL:
      return event.reason < WEFT_FAIL_REASON_COUNT;
    case WEFT_FLOW_DENY:
    case WEFT_FLOW_AUDIT:
      return can_deny(event.reason);
  }
  return false;
}

// Policy is told by the end that it belongs to, whose address is known.
bool direction_fits(const weft_flow_event& event) {
  if (!is_of_policy(event)) return true;
  if (event.direction == WEFT_EGRESS) return event.reporter == WEFT_REPORTER_SOURCE && !is_zero(event.source);
  return event.direction == WEFT_INGRESS && event.reporter == WEFT_REPORTER_DESTINATION && !is_zero(event.destination);
}

// Policy denies every protocol; connections are of those that have ports.
bool protocol_fits(const weft_flow_event& event) {
  return is_of_policy(event) || !transport_name(event.protocol).empty();
}

// A refusal may come before an endpoint was chosen; an open or a close has one.
bool has_peer(const weft_flow_event& event) {
  if (is_of_policy(event)) return true;
  if (event.kind == WEFT_FLOW_FAIL) return !is_zero(event.destination) || !is_zero(event.service_address);
  return !is_zero(event.destination) && event.destination_port != 0;
}

}  // namespace

std::optional<weft_flow_event> decode_event(std::span<const std::byte> record) {
  if (record.size() != sizeof(weft_flow_event)) return std::nullopt;
  weft_flow_event event;
  std::memcpy(&event, record.data(), sizeof event);
  if (event.kind > WEFT_FLOW_AUDIT || event.reporter > WEFT_REPORTER_DESTINATION) return std::nullopt;
  if (!reason_fits(event) || !direction_fits(event) || !protocol_fits(event) || !has_peer(event)) return std::nullopt;
  return event;
}

std::string_view flow_kind_name(FlowKind kind) {
  switch (kind) {
    case FlowKind::kOpen:
      return "open";
    case FlowKind::kClose:
      return "close";
    case FlowKind::kDeny:
      return "deny";
    case FlowKind::kAudit:
      return "audit";
  }
  return "";
}

std::string_view flow_verdict_name(FlowVerdict verdict) {
  switch (verdict) {
    case FlowVerdict::kAllowed:
      return "allowed";
    case FlowVerdict::kDenied:
      return "denied";
    case FlowVerdict::kNoEndpoint:
      return "no-endpoint";
    case FlowVerdict::kAudited:
      return "audited";
  }
  return "";
}

std::string_view reporter_name(std::uint8_t reporter) {
  return reporter == WEFT_REPORTER_DESTINATION ? "destination" : "source";
}

std::string_view close_reason_name(std::uint8_t reason) {
  return reason < std::size(kCloseReasons) ? kCloseReasons[reason] : std::string_view();
}

std::string_view fail_reason_name(std::uint8_t reason) {
  return reason < std::size(kFailReasons) ? kFailReasons[reason] : std::string_view();
}

std::string_view verdict_reason_name(std::uint8_t reason) {
  return reason < std::size(kVerdictReasons) ? kVerdictReasons[reason] : std::string_view();
}

std::string_view direction_name(std::uint8_t direction) { return direction == WEFT_EGRESS ? "egress" : "ingress"; }

std::string protocol_text(std::uint8_t protocol) {
  if (auto name = transport_name(protocol); !name.empty()) return std::string(name);
  if (protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6) return "ICMP";
  return std::to_string(protocol);
}

std::string_view transport_name(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "TCP";
    case IPPROTO_UDP:
      return "UDP";
    case IPPROTO_SCTP:
      return "SCTP";
  }
  return "";
}

IpAddress to_ip_address(const weft_address& address) {
  IpAddress out;
  std::memcpy(out.bytes.data(), address.word, sizeof address.word);
  return out;
}

std::string systemd_unit(std::string_view cgroup_path) {
  std::string_view rest = cgroup_path;
  while (!rest.empty()) {
    auto slash = rest.find('/');
    auto part = rest.substr(0, slash);
    rest = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
    if (part.empty() || part.ends_with(".slice")) continue;
    bool user_manager = part.starts_with("user@") && part.ends_with(".service");
    if (user_manager && !rest.empty()) continue;
    if (part.starts_with('_')) part.remove_prefix(1);  // systemd's escape for names that look like kernel files
    bool unit = part.ends_with(".service") || part.ends_with(".scope");
    return unit ? std::string(part) : std::string();
  }
  return {};
}

}  // namespace weft
