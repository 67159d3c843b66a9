// The deny list and quarantines: POST /api/v1/deny and /api/v1/quarantine, GET /api/v1/deny.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/api/http.hpp"
#include "agent/base/cidr.hpp"
#include "agent/base/result.hpp"
#include "agent/observe/facts.hpp"

namespace weft {

class JsonWriter;

struct DenyRequest {
  bool remove = false;
  std::vector<Cidr> cidrs;
  std::uint64_t ttl_s = 0;  // 0: for ever
  std::string reason;
  bool force = false;
};

struct QuarantineRequest {
  std::string space;
  std::string workload;
  bool release = false;
  std::string reason;
};

struct DeniedView {
  std::string cidr;
  std::int64_t until_ns = 0;  // since 1970; 0: for ever
  bool by_command = false;
  std::int64_t added_ns = 0;  // of the command
  std::uint32_t uid = 0;
  std::int32_t pid = 0;
  std::string reason;
  std::vector<std::string> lists;  // DenyList objects
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  std::int64_t last_ns = 0;  // since 1970; 0: never
};

struct AuditView {
  std::int64_t time_ns = 0;
  std::uint32_t uid = 0;
  std::int32_t pid = 0;
  std::string action;
  std::string subject;
  std::string detail;
};

struct DenyListView {
  std::vector<DeniedView> denied;
  std::vector<Attachment> uplinks;
  std::string problem;           // why the list is not in force as it is shown; empty
  std::vector<AuditView> audit;  // newest first
};

struct QuarantineView {
  std::string space;
  std::string workload;
  std::int64_t since_ns = 0;
  std::uint32_t uid = 0;
  std::string reason;
};

// The error names the field that is wrong.
Result<DenyRequest> parse_deny_request(std::string_view body);
Result<QuarantineRequest> parse_quarantine_request(std::string_view body);

std::string deny_list_json(const DenyListView& view);
std::string quarantine_json(const QuarantineView& view, bool released);
void write_quarantine(JsonWriter& json, const QuarantineView& view);  // members of an object that is open

}  // namespace weft
