#include "agent/base/findings.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace weft {
namespace {

#define WEFT_FINDING_ROW(number, name, title, cause, fix, text) Finding{FindingCode::name, title, cause, fix, text},
constexpr auto kFindings = std::to_array<Finding>({WEFT_FINDINGS(WEFT_FINDING_ROW)});
#undef WEFT_FINDING_ROW

static_assert(std::is_sorted(kFindings.begin(), kFindings.end(),
                             [](const Finding& a, const Finding& b) { return a.code < b.code; }));

}  // namespace

std::span<const Finding> findings() { return kFindings; }

std::string finding_code(FindingCode code) { return "WEFT" + std::to_string(static_cast<unsigned>(code)); }

const Finding* find_finding(std::string_view code) {
  constexpr std::string_view kPrefix = "weft";
  auto same = [](char a, char b) { return (a | 0x20) == b; };
  if (code.size() > kPrefix.size() &&
      std::equal(kPrefix.begin(), kPrefix.end(), code.begin(), [&](char b, char a) { return same(a, b); }))
    code.remove_prefix(kPrefix.size());
  unsigned number = 0;
  auto [end, problem] = std::from_chars(code.data(), code.data() + code.size(), number);
  if (problem != std::errc() || end != code.data() + code.size()) return nullptr;
  auto it = std::ranges::find_if(kFindings, [&](const Finding& f) { return static_cast<unsigned>(f.code) == number; });
  return it == kFindings.end() ? nullptr : &*it;
}

}  // namespace weft
