#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/base/yaml.hpp"
#include "agent/cli/filter_words.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/secrets.hpp"
#include "agent/cli/table.hpp"
#include "agent/cli/text.hpp"
#include "agent/cli/yaml_text.hpp"

using namespace weft::cli;
using nlohmann::json;

TEST_CASE("nothing in a name can move the cursor") {
  CHECK(escaped("web") == "web");
  CHECK(escaped("a\x1b[31mb") == "a\\x1b[31mb");
  CHECK(escaped("a\nb\tc\x7f") == "a\\x0ab\\x09c\\x7f");
  CHECK(escaped(std::string("a\0b", 3)) == "a\\x00b");
  CHECK(escaped("\xc2\x9b"
                "31m") == "\\u{009b}31m");  // CSI as one C1 character
  CHECK(escaped("\xe2\x80\xae"
                "txt") == "\\u{202e}txt");              // right-to-left override
  CHECK(escaped("\xff\xc0\xaf") == "\\xff\\xc0\\xaf");  // not UTF-8, and an overlong '/'
  CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
  CHECK(escaped("\xe2\x82") == "\\xe2\\x82");           // cut off
  CHECK(escaped("grün 日本 🎉") == "grün 日本 🎉");
}

TEST_CASE("width counts columns, not bytes") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("grün") == 4);
  CHECK(display_width("日本") == 4);
  CHECK(display_width("e\xcc\x81") == 1);
  CHECK(padded("日本", 6) == "日本  ");
  CHECK(padded("7", 3, true) == "  7");
  CHECK(cut_to("abcdef", 4, "~") == "abc~");
  CHECK(cut_to("日本語", 4, "~") == "日~");
  CHECK(cut_to("abc", 3, "~") == "abc");
}

TEST_CASE("numbers are short") {
  CHECK(bytes_text(0) == "0 B");
  CHECK(bytes_text(1023) == "1023 B");
  CHECK(bytes_text(1536) == "1.5 KiB");
  CHECK(bytes_text(300.0 * (1 << 20)) == "300 MiB");
  CHECK(rate_text(0) == "0/s");
  CHECK(rate_text(0.25) == "0.2/s");
  CHECK(duration_text(350) == "350ms");
  CHECK(duration_text(125000) == "2m5s");
  CHECK(duration_text(3.0 * 86400000 + 4 * 3600000) == "3d4h");
  CHECK(microseconds_text(120) == "120us");
  CHECK(microseconds_text(1500) == "1.5ms");
}

TEST_CASE("durations of the command line") {
  using std::chrono::milliseconds;
  CHECK(parse_duration("5") == milliseconds(5000));
  CHECK(parse_duration("5s") == milliseconds(5000));
  CHECK(parse_duration("250ms") == milliseconds(250));
  CHECK(parse_duration("1.5m") == milliseconds(90000));
  for (const auto* bad : {"", "s", "-1s", "0", "5 s", "5x", "nan", "inf", "1e9h", "99999999h"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }
}

TEST_CASE("columns line up whatever the script, and lines have no trailing spaces") {
  Table table({{"NAME"}, {"COUNT", true}, {"NOTE"}});
  table.add({{"web"}, {"7"}, {""}});
  table.add({{"日本語"}, {"1234"}, {"a\x1b[2J"}});
  CHECK(table.text(Console()) ==
        "NAME    COUNT  NOTE\n"
        "web         7\n"
        "日本語   1234  a\\x1b[2J\n");
}

TEST_CASE("a narrow terminal takes from the widest columns first") {
  CHECK(fitted({10, 40, 5}, 39) == std::vector<int>{10, 20, 5});
  CHECK(fitted({10, 20, 5}, 0) == std::vector<int>{10, 20, 5});
  CHECK(fitted({10, 20, 5}, 8) == std::vector<int>{4, 4, 4});
}

TEST_CASE("YAML of the output reads back as the same value") {
  auto value =
      json::parse(R"({"a":"yes","b":"007","c":[1,"x: y",{"d":null,"e":[]},["n"]],"f":{},"g":"- item","h":"a #b",
      "i":"","j":true,"k":1.5,"l":"line\nbreak","m":"~","n":"1e3","o":"0x10","/p/q":"10.0.0.1:80","r":"::1","s":"日本","t":"a:",
      "u":"null","v":" lead","w":"trail ","x":"!tag","y":"&a","z":"*b"})");
  auto documents = weft::read_yaml(yaml_text(value));
  REQUIRE(documents);
  REQUIRE(documents->size() == 1);
  CHECK(*documents->front().value == value);
}

TEST_CASE("JSON of the output stays JSON and carries no control characters") {
  json value = {{"name", "a\x1b[31m\x7f\xc2\x9b\xe2\x80\xae日本"}};
  auto text = safe_json(value, 2);
  CHECK(json::parse(text) == value);
  CHECK(text.find("日本") != std::string::npos);
  for (const auto* bad : {"\x1b", "\x7f", "\xc2\x9b", "\xe2\x80\xae"}) CHECK(text.find(bad) == std::string::npos);
}

TEST_CASE("filter words are joined by and, operators stay") {
  CHECK(join_filter_words({}) == "");
  CHECK(join_filter_words({"src=shop/*", "kind=close"}) == "src=shop/* and kind=close");
  CHECK(join_filter_words({"src=shop/*", "and", "kind=close"}) == "src=shop/* and kind=close");
  CHECK(join_filter_words({"not", "a", "or", "(", "b", "c", ")", "d"}) == "not a or ( b and c ) and d");
  CHECK(join_filter_words({"a or b"}) == "a or b");
  CHECK(join_filter_words({"a or b", "c"}) == "(a or b) and c");
}

TEST_CASE("JSON of others never surprises: misses and other types are empty") {
  auto value = json::parse(R"({"a":{"b":5,"c":"x","d":[1,"y"]}})");
  CHECK(text_at(value, "a.b") == "5");
  CHECK(text_at(value, "a.c.d") == "");
  CHECK(text_at(value, "a") == "");
  CHECK(number_at(value, "a.c") == 0);
  CHECK(list_at(value, "a.b").empty());
  CHECK(texts_at(value, "a.d") == std::vector<std::string>{"1", "y"});
  CHECK_FALSE(parse_json("{\"a\":", "x"));
  CHECK_FALSE(parse_json(std::string(100000, '['), "x"));
  CHECK_FALSE(parse_json("\"\xff\"", "x"));
}

TEST_CASE("secrets do not leave with a bug report") {
  json value = {{"token", "abc"},
                {"nested", {{{"clientSecret", 5}, {"url", "https://user:pass@host/a@b"}}}},
                {"password", {{"kept", "structure"}}},
                {"name", "token-service"}};
  mask_secrets(value);
  auto text = value.dump();
  CHECK(text.find("abc") == std::string::npos);
  CHECK(text.find("user:pass") == std::string::npos);
  CHECK(value["nested"][0]["clientSecret"] == "(masked)");
  CHECK(value["nested"][0]["url"] == "https://(masked)@host/a@b");
  CHECK(value["name"] == "token-service");
}
