#include <catch2/catch.hpp>

#include "agent/compile/id_giver.hpp"

namespace weft {
namespace {

Names some_names() {
  Names names;
  names.workloads.emplace(256, {"shop", "web"});
  names.workloads.emplace(1000, {"shop", "we\"ird\\\n\u00e9"});
  names.services.emplace(1, {"shop", "web"});
  names.services.emplace(70000, {"", "x"});
  names.zones.emplace(3, "z1");
  return names;
}

template <class Map>
auto list(const Map& map) {
  std::vector<std::pair<std::uint32_t, std::string>> out;
  for (const auto& [id, name] : map) {
    if constexpr (std::is_same_v<std::decay_t<decltype(name)>, std::string>)
      out.emplace_back(id, name);
    else
      out.emplace_back(id, name.first + "/" + name.second);
  }
  return out;
}

using Giver = IdGiver<std::uint16_t, std::string, std::hash<std::string>>;

}  // namespace

TEST_CASE("names survive the way to the file and back") {
  auto names = some_names();
  auto read = names_from_text(names_to_text(names));
  REQUIRE(read);
  CHECK(list(read->workloads) == list(names.workloads));
  CHECK(list(read->services) == list(names.services));
  CHECK(list(read->zones) == list(names.zones));
  CHECK(names_from_text(names_to_text(Names{})));
}

TEST_CASE("a name that is not UTF-8 is left out of the file") {
  auto names = some_names();
  names.workloads.emplace(300, {"shop", "\xff"});
  auto read = names_from_text(names_to_text(names));
  REQUIRE(read);
  CHECK(list(read->workloads) == list(some_names().workloads));
}

TEST_CASE("a bad names file is an error, never a guess") {
  auto with = [](const std::string& workloads) {
    return R"({"version":1,"workloads":[)" + workloads + R"(],"services":[],"zones":[]})";
  };
  CHECK(names_from_text(with("")));
  CHECK(names_from_text(with(R"([256,"a","b"])")));
  for (const auto& bad : {std::string(),
                          std::string("["),
                          std::string("null"),
                          std::string("{}"),
                          std::string(R"({"version":2})"),
                          with(R"([255,"a","b"])"),
                          with(R"([2147483648,"a","b"])"),
                          with(R"([-1,"a","b"])"),
                          with(R"(["256","a","b"])"),
                          with(R"([256.5,"a","b"])"),
                          with(R"([18446744073709551616,"a","b"])"),
                          with(R"([256,"a"])"),
                          with(R"([256,1,2])"),
                          with(R"([])"),
                          with(R"(7)"),
                          with(R"([256,"a","b"],[256,"a","c"])"),
                          with(R"([256,"a","b"],[257,"a","b"])"),
                          std::string(R"({"version":1,"workloads":{},"services":[],"zones":[]})"),
                          std::string(R"({"version":1,"workloads":[],"services":[[0,"a","b"]],"zones":[]})"),
                          std::string(R"({"version":1,"workloads":[],"services":[],"zones":[[65536,"z"]]})"),
                          std::string(R"({"version":1,"workloads":[],"services":[]})"),
                          std::string(kMaxNamesBytes + 1, ' ')}) {
    INFO(bad.substr(0, 100));
    auto read = names_from_text(bad);
    REQUIRE_FALSE(read);
    CHECK(read.error().what.starts_with("names file: "));
  }
}

TEST_CASE("only names that nothing uses are forgotten") {
  auto kept = forget_unused(some_names(), {{1000}, {1}, {}});
  CHECK(list(kept.workloads).size() == 1);
  CHECK(kept.workloads.contains(1000));
  CHECK(kept.services.contains(1));
  CHECK_FALSE(kept.services.contains(70000));
  CHECK(kept.zones.empty());
}

TEST_CASE("an id map reads like a map, and copies do not see later changes") {
  IdMap<std::uint32_t, int> map;
  for (std::uint32_t id : {5u, 63u, 64u, 1000000u, 130u}) CHECK(map.emplace(id, static_cast<int>(id) * 2));
  CHECK_FALSE(map.emplace(64, 0));
  auto copy = map;
  map.emplace(6, 12);
  std::vector<std::uint32_t> ids;
  for (const auto& [id, value] : copy) {
    CHECK(value == static_cast<int>(id) * 2);
    ids.push_back(id);
  }
  CHECK(ids == std::vector<std::uint32_t>{5, 63, 64, 130, 1000000});
  CHECK(copy.size() == 5);
  CHECK(map.size() == 6);
  CHECK(copy.find(6) == copy.end());
  CHECK(map.find(6)->second == 12);
  IdMap<std::uint16_t, int> empty;
  CHECK((empty.begin() == empty.end()));
}

TEST_CASE("an id is given once, and after the last one the first free one is given") {
  IdMap<std::uint16_t, std::string> given;
  given.emplace(3, "c");
  Giver giver(given, 1, 4, 4);
  CHECK(giver.get("c") == 3);
  CHECK(giver.get("d") == 4);
  CHECK(giver.get("a") == 1);
  CHECK(giver.get("b") == 2);
  CHECK(giver.get("e") == 0);
  CHECK(giver.get("d") == 4);
  CHECK(giver.find("e") == 0);
}

TEST_CASE("names beyond the bound get no id") {
  Giver giver({}, 1, 1000, 2);
  CHECK(giver.get("a") == 1);
  CHECK(giver.get("b") == 2);
  CHECK(giver.get("c") == 0);
}

}  // namespace weft
