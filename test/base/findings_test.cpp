#include "agent/base/findings.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace weft;

TEST_CASE("every finding has a unique code, a title, a cause, a fix and a text") {
  std::set<FindingCode> codes;
  for (const auto& finding : findings()) {
    CHECK(codes.insert(finding.code).second);
    CHECK_FALSE(finding.title.empty());
    CHECK_FALSE(finding.title.ends_with("."));
    CHECK(finding.cause.ends_with("."));
    CHECK(finding.fix.ends_with("."));
    CHECK(finding.text.ends_with("."));
  }
  CHECK(codes.size() > 20);
}

TEST_CASE("findings are found by code in any spelling") {
  CHECK(finding_code(FindingCode::kBadSyntax) == "WEFT1002");
  for (auto code : {"WEFT1002", "weft1002", "1002"}) {
    const auto* finding = find_finding(code);
    REQUIRE(finding != nullptr);
    CHECK(finding->code == FindingCode::kBadSyntax);
  }
  for (auto code : {"WEFT0001", "", "WEFT", "x1002", "1002x"}) CHECK(find_finding(code) == nullptr);
}
