// What people denied and quarantined by command, and who did when: kept in the state directory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

#include "agent/base/cidr.hpp"
#include "agent/base/result.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

// Who asked, by SO_PEERCRED of the API socket.
struct Caller {
  uid_t uid = 0;
  pid_t pid = 0;
  bool operator==(const Caller&) const = default;
};

struct DeniedByCommand {
  std::int64_t added_ns = 0;  // since 1970
  std::int64_t until_ns = 0;  // since 1970; 0: for ever
  Caller by;
  std::string reason;
  bool operator==(const DeniedByCommand&) const = default;
};

// When a DenyList without a creationTimestamp was first read as it is now.
struct SeenDenyList {
  std::uint64_t contents = 0;  // a hash
  std::int64_t since_ns = 0;
  bool operator==(const SeenDenyList&) const = default;
};

struct QuarantineOrder {
  std::int64_t since_ns = 0;
  Caller by;
  std::string reason;
  bool operator==(const QuarantineOrder&) const = default;
};

struct AuditRecord {
  std::int64_t time_ns = 0;
  Caller by;
  std::string action;   // "deny", "allow", "quarantine", "release"
  std::string subject;  // a block, or namespace/workload
  std::string detail;
  bool operator==(const AuditRecord&) const = default;
};

struct MitigationState {
  static constexpr std::size_t kMostDenied = 10'000;  // by command: every change writes the whole file
  static constexpr std::size_t kMostQuarantined = 1'000;
  static constexpr std::size_t kMostAudit = 1'000;  // the oldest are forgotten first
  static constexpr std::size_t kMostReason = 256;   // bytes

  std::map<Cidr, DeniedByCommand> denied;
  std::map<std::string, SeenDenyList> seen;  // by the name of the list
  std::map<NamespacedName, QuarantineOrder> quarantined;
  std::deque<AuditRecord> audit;  // oldest first

  void note(AuditRecord record);
  bool operator==(const MitigationState&) const = default;
};

// JSON.
std::string mitigations_to_text(const MitigationState& state);
// Fails on anything but a text that mitigations_to_text may have written.
Result<MitigationState> mitigations_from_text(std::string_view text);

}  // namespace weft
