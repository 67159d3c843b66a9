// Every finding that weft can make has a stable code. The tables below are the only place where codes, titles, causes,
// fixes and long texts live; `weft doc WEFT1234` and docs/findings.md are generated from them. A code is never reused.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "agent/base/findings_config.hpp"
#include "agent/base/findings_mitigation.hpp"
#include "agent/base/findings_node.hpp"
#include "agent/base/findings_objects.hpp"
#include "agent/base/findings_policies.hpp"

// X(number, name, title, cause, fix, text)
#define WEFT_FINDINGS(X)      \
  WEFT_OBJECT_FINDINGS(X)     \
  WEFT_POLICY_FINDINGS(X)     \
  WEFT_MITIGATION_FINDINGS(X) \
  WEFT_CONFIG_FINDINGS(X)     \
  WEFT_NODE_FINDINGS(X)

namespace weft {

#define WEFT_FINDING_ENUM(number, name, title, cause, fix, text) name = number,
enum class FindingCode : std::uint16_t { WEFT_FINDINGS(WEFT_FINDING_ENUM) };
#undef WEFT_FINDING_ENUM

struct Finding {
  FindingCode code;
  std::string_view title;  // a short sentence without a full stop
  std::string_view cause;
  std::string_view fix;
  std::string_view text;  // what `weft doc` adds to the above
};

// In ascending order of code.
std::span<const Finding> findings();

// "WEFT1001".
std::string finding_code(FindingCode code);

// By "WEFT1001", "weft1001" or "1001"; null when there is no such code.
const Finding* find_finding(std::string_view code);

}  // namespace weft
