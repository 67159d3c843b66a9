#include "agent/base/yaml.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace weft;

namespace {

nlohmann::json one(std::string_view text) {
  auto documents = read_yaml(text);
  REQUIRE(documents.has_value());
  REQUIRE(documents->size() == 1);
  return *documents->front().value;
}

TextError refused(std::string_view text) {
  auto documents = read_yaml(text);
  INFO(text);
  REQUIRE_FALSE(documents.has_value());
  return documents.error();
}

std::string nested(int depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("plain scalars follow the core schema of YAML 1.2") {
  auto json = one("{a: 80, b: -3, c: 0x1F, d: 0o17, e: true, f: null, g: 1.5, h: ~, i: , j: +5}");
  CHECK(json == nlohmann::json{{"a", 80},
                               {"b", -3},
                               {"c", 31},
                               {"d", 15},
                               {"e", true},
                               {"f", nullptr},
                               {"g", 1.5},
                               {"h", nullptr},
                               {"i", nullptr},
                               {"j", 5}});
}

TEST_CASE("what YAML 1.1 and 1.2 read differently stays text") {
  for (std::string text :
       {"010", "yes", "no", "on", "off", "1_000", "12:30", "0b1", "00", "-010", ".inf", ".nan", "0o9"})
    CHECK(one("a: " + text)["a"] == text);
}

TEST_CASE("quoted and str-tagged scalars are text") {
  CHECK(one("{a: '80', b: \"true\", c: !!str 80, d: ''}") ==
        nlohmann::json{{"a", "80"}, {"b", "true"}, {"c", "80"}, {"d", ""}});
}

TEST_CASE("numbers beyond 64 bits stay text") {
  CHECK(one("a: 18446744073709551615")["a"] == 18446744073709551615ULL);
  CHECK(one("a: 18446744073709551616")["a"].is_string());
  CHECK(one("a: -9223372036854775809")["a"].is_string());
}

TEST_CASE("every document of a file is read and empty ones are left out") {
  auto documents = read_yaml("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n---\nc: 3\n");
  REQUIRE(documents.has_value());
  REQUIRE(documents->size() == 3);
  CHECK((*documents)[2].value->at("c") == 3);
  CHECK((*documents)[1].places.find("/b").line == 7);
}

TEST_CASE("documents are separated by --- and nothing else") {
  CHECK(read_yaml("a: \xc3\xa4\xc3\xa4\r\n---\r\nb: 1\r\n---\r\nc: 2\r\n")->size() == 3);
  CHECK(read_yaml("\xEF\xBB\xBF"
                  "a: 1\n...\n# end\n---\nb: 1\n...\n")
            ->size() == 2);
  CHECK(read_yaml("--- {a: 1}\n--- {b: 1}\n")->size() == 2);
  CHECK(refused("[1]\n[2]\n").at.line == 2);
  CHECK(refused("'x'\n'y'\n").code == FindingCode::kBadSyntax);
}

TEST_CASE("places of fields are found by JSON pointer") {
  auto documents = read_yaml("spec:\n  ports:\n  - port: 1\n  - port: 2\n    a/b~c: x\n");
  REQUIRE(documents.has_value());
  const auto& places = documents->front().places;
  CHECK(places.find("/spec/ports/1/port").line == 4);
  CHECK(places.find("/spec/ports/1/port").column == 5);
  CHECK(places.find("/spec/ports/1/a~1b~0c").line == 5);
  CHECK(places.find("/spec/ports/0/missing").line == 3);
  CHECK(places.find("/nowhere").line == 1);
}

TEST_CASE("aliases and merge keys are refused at their line") {
  CHECK(refused("a: &x 1\nb: *x\n").code == FindingCode::kYamlAlias);
  CHECK(refused("a: &x 1\nb: *x\n").at.line == 2);
  CHECK(refused("a: {}\nb:\n  <<: {c: 1}\n").code == FindingCode::kYamlAlias);
  CHECK(refused("*a : 1").code == FindingCode::kBadSyntax);
  CHECK(one("a: &unused 1")["a"] == 1);
}

TEST_CASE("an alias bomb costs nothing") {
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'z'; ++c)
    bomb += std::string(1, c) + ": &" + c + " [*" + char(c - 1) + ",*" + char(c - 1) + ",*" + char(c - 1) + "]\n";
  CHECK(refused(bomb).code == FindingCode::kYamlAlias);
}

TEST_CASE("a key given twice is refused at the second place") {
  auto error = refused("a: 1\nb: 2\na: 3\n");
  CHECK(error.code == FindingCode::kDuplicateKey);
  CHECK(error.at.line == 3);
  CHECK(refused("x: {a: 1, a: {}}").code == FindingCode::kDuplicateKey);
  CHECK(refused("x: {a: 1, \"a\": []}").code == FindingCode::kDuplicateKey);
}

TEST_CASE("bytes that are not text are refused with their place") {
  auto nul = refused(std::string_view("a: 1\nb: \0", 9));
  CHECK(nul.code == FindingCode::kNotText);
  CHECK(nul.at.line == 2);
  CHECK(nul.at.column == 4);
  CHECK(refused("a: \xff\xfe").code == FindingCode::kNotText);
  CHECK(refused("a: \xc0\xaf").code == FindingCode::kNotText);
  CHECK(refused("a: \xed\xa0\x80").code == FindingCode::kNotText);
  CHECK(refused("a: \xf5\x80\x80\x80").code == FindingCode::kNotText);
  CHECK(refused("a: \x1b[31m").code == FindingCode::kNotText);
  CHECK(one("a: \xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")["a"] == "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(one("\xEF\xBB\xBF"
            "a: 1")["a"] == 1);
}

TEST_CASE("tabs do not indent") {
  CHECK(refused("a:\n\tb: 1\n").code == FindingCode::kNotText);
  CHECK(refused("a:\n\tb: 1\n").at.line == 2);
  refused("a:\n  b: 1\n \tc: 2\n");
  CHECK(one("a: |\n  x\n  \ty\n")["a"] == "x\n\ty\n");
}

TEST_CASE("a quote that is never closed is refused, in whatever place") {
  for (std::string text :
       {"a: \"x", "a: \"x\n", "a: 'x\n", "a: ['x', \"y\n", "\"a", "a: \"x\\\"", "a: 'it''s", "a: &n \"x\n"})
    CHECK(refused(text).code == FindingCode::kBadSyntax);
  CHECK(one("a: \"x\\\"y\\\\\"\nb: 'it''s'\n'c d': &n \"e\"\n") ==
        nlohmann::json{{"a", "x\"y\\"}, {"b", "it's"}, {"c d", "e"}});
}

TEST_CASE("depth and size are bounded") {
  CHECK(read_yaml(nested(64)).has_value());
  CHECK(refused(nested(65)).code == FindingCode::kTextTooDeep);
  CHECK(refused(nested(100000)).code == FindingCode::kTextTooDeep);
  std::string deep;
  for (int i = 0; i < 70; ++i) deep += std::string(i, ' ') + "a:\n";
  CHECK(refused(deep).code == FindingCode::kTextTooDeep);
  CHECK(refused(std::string((1 << 20) + 1, ' ')).code == FindingCode::kTextTooLarge);
  CHECK(read_yaml(std::string(1 << 20, ' ')).has_value());
}

TEST_CASE("odd keys and tags are refused") {
  CHECK(refused("? [a]\n: 1").reason.find("key") != std::string::npos);
  CHECK(refused("? {a: 1}\n: 1").reason.find("key") != std::string::npos);
  CHECK(refused("~: 1").reason.find("key") != std::string::npos);
  CHECK(refused("a: !!binary aGk=").reason.find("tag") != std::string::npos);
  CHECK(refused("a: !!int '80'").reason.find("tag") != std::string::npos);
  CHECK(refused("a: !custom {b: 1}").reason.find("tag") != std::string::npos);
}

TEST_CASE("broken syntax names line and column") {
  auto error = refused("a: 1\nb: [1, 2\nc: 3\n");
  CHECK(error.code == FindingCode::kBadSyntax);
  CHECK(error.at.line >= 2);
  CHECK(refused("a: b: c").at.line == 1);
  CHECK(refused("a: 'x").code == FindingCode::kBadSyntax);
  CHECK(refused("a: 1\n  b: 2\n").code == FindingCode::kBadSyntax);
  CHECK(refused("a: 1\n}\n").code == FindingCode::kBadSyntax);
  CHECK(refused("{a: 1} x").code == FindingCode::kBadSyntax);
  CHECK(error.error("web.yaml").what.starts_with("web.yaml:"));
}
