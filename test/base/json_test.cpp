#include "agent/base/json.hpp"
#include "agent/base/yaml.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace weft;

namespace {

TextError refused(std::string_view text) {
  auto documents = read_json(text);
  INFO(text);
  REQUIRE_FALSE(documents.has_value());
  return documents.error();
}

struct Reading {
  nlohmann::json json;
  std::vector<JsonProblem> problems;
  JsonCursor cursor{json, problems};
  explicit Reading(std::string_view text) : json(nlohmann::json::parse(text)) {}
};

}  // namespace

TEST_CASE("a JSON text is one document with places") {
  auto documents = read_json("{\n \"a\": 1,\n \"b\": [\n  7,\n  {\"c\": 2}\n ]\n}\n");
  REQUIRE(documents.has_value());
  REQUIRE(documents->size() == 1);
  CHECK(documents->front().value->at("b")[1]["c"] == 2);
  CHECK(documents->front().places.find("/a").line == 2);
  CHECK(documents->front().places.find("/b/0").line == 4);
  CHECK(documents->front().places.find("/b/1/c").line == 5);
  CHECK(read_json(" \n")->empty());
  CHECK(read_json("null")->empty());
}

TEST_CASE("JSON keeps the same rules as YAML") {
  CHECK(refused("{\"a\":1,\n\"a\":2}").code == FindingCode::kDuplicateKey);
  CHECK(refused("{\"a\":1,\n\"a\":2}").at.line == 2);
  CHECK(refused(std::string(100000, '[')).code == FindingCode::kTextTooDeep);
  CHECK(refused("{\"a\":1}\n{\"b\":2}").code == FindingCode::kBadSyntax);
  CHECK(refused("{\"a\":1}\n{\"b\":2}").at.line == 2);
  CHECK(refused("{\"a\": 1,}").code == FindingCode::kBadSyntax);
  CHECK(refused("{\"a\": 010}").code == FindingCode::kBadSyntax);
  CHECK(refused("{'a': 1}").code == FindingCode::kBadSyntax);
  CHECK(refused("{\"a\": 18446744073709551616}").code == FindingCode::kFieldRange);
  CHECK(refused("{\"a\": \"\xff\"}").code == FindingCode::kNotText);
  CHECK(refused(std::string((1 << 20) + 1, ' ')).code == FindingCode::kTextTooLarge);
  CHECK(refused("{\"a\": // c\n 1}").code == FindingCode::kBadSyntax);
  CHECK(refused("{\"a\": 1").code == FindingCode::kBadSyntax);
}

TEST_CASE("integers are never wrapped") {
  Reading r(
      R"({"ports":[{"port":65616},{"port":-1},{"port":80.0},{"port":"80"},{"port":18446744073709551615},{"port":8080}]})");
  std::vector<std::optional<std::int64_t>> got;
  for (const auto& item : r.cursor.objects("ports")) got.push_back(item.integer("port", 1, 65535));
  CHECK(got == std::vector<std::optional<std::int64_t>>{{}, {}, {}, {}, {}, 8080});
  REQUIRE(r.problems.size() == 5);
  CHECK(r.problems[0].field == "ports[0].port");
  CHECK(r.problems[0].pointer == "/ports/0/port");
  CHECK(r.problems[0].code == FindingCode::kFieldRange);
  CHECK(r.problems[0].reason == "must be from 1 to 65535, not 65616");
  CHECK(r.problems[2].code == FindingCode::kFieldType);
  CHECK(r.problems[3].reason == "must be a whole number, not the text '80'");
  CHECK(r.problems[4].code == FindingCode::kFieldRange);
}

TEST_CASE("absent and null give defaults and wrong types give problems") {
  Reading r(R"({"a":null,"s":1,"b":"yes","m":{"k":1,"l":"x"},"list":{},"o":[],"strings":["x",2]})");
  CHECK(r.cursor.string("a", "default") == "default");
  CHECK_FALSE(r.cursor.has("a"));
  CHECK(r.cursor.boolean("missing", true));
  CHECK(r.problems.empty());
  r.cursor.string("s");
  r.cursor.boolean("b", false);
  CHECK(r.cursor.string_map("m") == std::map<std::string, std::string, std::less<>>{{"l", "x"}});
  CHECK(r.cursor.items("list").empty());
  CHECK_FALSE(r.cursor.object("o").present());
  CHECK(r.cursor.strings("strings") == std::vector<std::string>{"x"});
  std::vector<std::string> fields;
  for (const auto& problem : r.problems) {
    fields.push_back(problem.field);
    CHECK(problem.code == FindingCode::kFieldType);
  }
  CHECK(fields == std::vector<std::string>{"s", "b", "m.k", "list", "o", "strings[1]"});
}

TEST_CASE("required fields are missed") {
  Reading r(R"({"name":""})");
  r.cursor.required_string("name");
  r.cursor.required_integer("port", 1, 2);
  REQUIRE(r.problems.size() == 2);
  CHECK(r.problems[1].field == "port");
  CHECK(r.problems[1].code == FindingCode::kFieldMissing);
}

TEST_CASE("an unknown field suggests the nearest one") {
  Reading r(R"({"spec":{"adresses":[],"zzz":1,"serviceaccount":"x"}})");
  auto spec = r.cursor.object("spec");
  spec.refuse_unknown({"addresses", "ports", "serviceAccount"});
  REQUIRE(r.problems.size() == 3);
  CHECK(r.problems[0].field == "spec.adresses");
  CHECK(r.problems[0].reason == "'adresses' is not a known field; did you mean 'addresses'?");
  CHECK(r.problems[1].reason.find("serviceAccount") != std::string::npos);
  CHECK(r.problems[2].reason == "'zzz' is not a known field; known are addresses, ports, serviceAccount");
}

TEST_CASE("keys and tokens of other people's texts reach messages escaped and short") {
  CHECK(refused("{\"a\\u001b\": 1, \"a\\u001b\": 2}").reason.find("'a\\x1b'") != std::string::npos);
  CHECK(refused("{" + std::string(100000, 'x')).reason.size() < 300);
}

TEST_CASE("messages escape control characters and cut long values") {
  CHECK(in_quotes("a\x1b[31m\n") == "'a\\x1b[31m\\x0a'");
  CHECK(in_quotes(std::string(1000, 'x')).size() < 100);
  CHECK(in_quotes(std::string(79, 'x') + "\xc3\xa4") == "'" + std::string(79, 'x') + "…'");
  Reading r(R"({"metadata":{"labels":{"app.kubernetes.io/name":1}}})");
  auto metadata = r.cursor.object("metadata");
  metadata.string_map("labels");
  CHECK(r.problems.at(0).field == "metadata.labels['app.kubernetes.io/name']");
}

TEST_CASE("a stream of JSON objects is what YAML makes of it, with the same lines") {
  for (std::string_view text :
       {"{}", "{\"a\": 1}\n", "\n\n{\"a\": [1, -2, 1.5, true, null, \"x\\n\\u00e9\"]}\n---\n{\"b\":\n {\"c\": {}}}\n",
        "---\n{\"a\": 1}\n---  \r\n\n{\n  \"b\": \"---\",\n  \"c\":\n [{\"d\": 2}]\n}\n---\n"}) {
    INFO(text);
    auto fast = read_json_stream(text);
    auto slow = read_yaml(text);
    REQUIRE(fast.has_value());
    REQUIRE(slow.has_value());
    REQUIRE(fast->size() == slow->size());
    for (std::size_t i = 0; i < fast->size(); ++i) {
      CHECK(*(*fast)[i].value == *(*slow)[i].value);
      for (const auto* pointer : {"", "/a", "/b", "/c", "/b/c", "/c/0/d"})
        CHECK((*fast)[i].places.find(pointer).line == (*slow)[i].places.find(pointer).line);
    }
  }
}

TEST_CASE("what is not a stream of JSON objects alone is left to YAML") {
  for (std::string_view text :
       {"", " \n", "a: 1\n", "{a: 1}", "[1]", "{\"a\": 1} {\"b\": 2}", "{\"a\": 1}\n{\"b\": 2}",
        "{\"a\": 1}\n---\nb: 2\n", "{\"a\": 1} # why\n", "--- {\"a\": 1}\n", "{\"a\": 1, \"a\": 2}", "{\"<<\": {}}",
        "{\"a\": 18446744073709551616}", "{\"a\":\n\t1}", "{\"a\": \"\xff\"}", "{\"a\": 1}\n...\n"})
    CHECK_FALSE(read_json_stream(text).has_value());
}
