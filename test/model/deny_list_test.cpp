#include "agent/model/deny_list.hpp"

#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

std::string deny_list(const std::string& spec, const std::string& metadata = "{name: attackers}") {
  return "apiVersion: mesh.weft.dev/v1alpha1\nkind: DenyList\nmetadata: " + metadata + "\nspec: " + spec + "\n";
}

const DenyList* find_list(const Manifests& m) {
  const auto* found = m.now().deny_lists.find({"", "attackers"});
  return found == nullptr ? nullptr : found->get();
}

}  // namespace

TEST_CASE("a deny list has blocks, single addresses and a time") {
  Manifests m;
  m.put("a.yaml", deny_list(R"({cidrs: [203.0.113.0/24, 198.51.100.7, "2001:db8::7", "2001:db8::/32"], ttl: 1h30m})",
                            "{name: attackers, creationTimestamp: 2024-02-29T12:34:56Z}"));
  CHECK(m.said_of("a.yaml").empty());
  const auto* list = find_list(m);
  REQUIRE(list != nullptr);
  REQUIRE(list->cidrs.size() == 4);
  CHECK(list->cidrs[1].text() == "198.51.100.7/32");
  CHECK(list->cidrs[2].text() == "2001:db8::7/128");
  CHECK(list->ttl_s == 5400);
  CHECK(list->created_s == 1709210096);
}

TEST_CASE("what is wrong with a deny list is told by its field, and the last good version stays") {
  struct Row {
    std::string spec, field, code;
  };
  const std::vector<Row> rows = {
      {"{}", "spec.cidrs", "WEFT1103"},
      {"{cidrs: []}", "spec.cidrs", "WEFT1103"},
      {"{cidrs: [203.0.113.0/33]}", "spec.cidrs[0]", "WEFT1301"},
      {"{cidrs: [example.org]}", "spec.cidrs[0]", "WEFT1301"},
      {"{cidrs: [203.0.113.7], ttl: soon}", "spec.ttl", "WEFT1107"},
      {"{cidrs: [203.0.113.7], ttl: 0s}", "spec.ttl", "WEFT1107"},
      {"{cidrs: [203.0.113.7], tll: 10m}", "spec.tll", "WEFT1106"},
      {"{cidrs: [0.0.0.0/0]}", "spec.cidrs[0]", "WEFT1401"},
      {"{cidrs: [127.0.0.1]}", "spec.cidrs[0]", "WEFT1401"},
      {"{cidrs: [\"::1\"]}", "spec.cidrs[0]", "WEFT1401"},
      {"{cidrs: [\"::/0\"]}", "spec.cidrs[0]", "WEFT1301"},
  };
  for (const auto& row : rows) {
    INFO(row.spec);
    Manifests m;
    m.put("a.yaml", deny_list("{cidrs: [192.0.2.7]}"));
    m.put("a.yaml", deny_list(row.spec));
    auto said = m.said_of("a.yaml");
    REQUIRE(said.size() == 1);
    CHECK(said[0].field == row.field);
    CHECK(said[0].code == row.code);
    REQUIRE(find_list(m) != nullptr);
    CHECK(find_list(m)->cidrs[0].text() == "192.0.2.7/32");
  }
}

TEST_CASE("a deny list that is gone is gone") {
  Manifests m;
  m.put("a.yaml", deny_list("{cidrs: [192.0.2.7]}"));
  m.remove("a.yaml");
  CHECK(find_list(m) == nullptr);
}

TEST_CASE("what holds everything, or the loopback, locks out") {
  CHECK_FALSE(lockout_of(parse_denied("0.0.0.0/0").value()).empty());
  CHECK_FALSE(lockout_of(parse_denied("127.0.0.0/8").value()).empty());
  CHECK_FALSE(lockout_of(parse_denied("126.0.0.0/7").value()).empty());
  CHECK_FALSE(lockout_of(parse_denied("127.9.9.9").value()).empty());
  CHECK(lockout_of(parse_denied("128.0.0.0/1").value()).empty());
  CHECK(lockout_of(parse_denied("2000::/3").value()).empty());
}
