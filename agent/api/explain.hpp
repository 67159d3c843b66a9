// Questions to the agent about single connections, and its answers: POST /api/v1/explain.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/observe/names.hpp"

namespace weft {

struct ExplainQuery {
  std::string source;                   // "ns/name" of a pod or workload, or an address
  std::string destination;              // likewise, or of a service
  std::uint16_t port = 0;               // 0 for ICMP
  std::uint8_t protocol = IPPROTO_TCP;  // or UDP, SCTP, ICMP
  std::string method;                   // of HTTP; empty: not asked
  std::string path;
};

// One thing that was looked at. What does not apply is empty.
struct ExplainStep {
  std::string stage;   // "service", "source", "destination", "egress", "ingress", "proxy"
  std::string result;  // "found", "no-endpoint", "allowed", "denied", "not-local", …
  std::string object;  // "NetworkPolicy shop/web"
  std::string rule;    // "ingress[0]"
  std::string reason;  // of enum weft_verdict_reason: "default_deny"
  std::string detail;  // for people
};

struct ExplainView {
  enum class Verdict : std::uint8_t { kAllowed, kDenied, kNoEndpoint, kUnknown };
  Verdict verdict = Verdict::kUnknown;
  std::optional<RuleWords> decided_by;
  std::vector<ExplainStep> steps;
  std::string suggestion;  // a manifest that would change a denial; empty: none
};

std::string_view explain_verdict_name(ExplainView::Verdict verdict);  // "allowed", "denied", "no-endpoint", "unknown"

inline constexpr std::size_t kMaxExplainQueries = 10'000;
// The error names the field that is wrong: "queries[3].port: …".
Result<std::vector<ExplainQuery>> parse_explain_request(std::string_view body);

void append_json(std::string& out, const ExplainView& view);

}  // namespace weft
