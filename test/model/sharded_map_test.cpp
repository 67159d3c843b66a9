#include <catch2/catch.hpp>
#include <map>
#include <random>

#include "agent/model/snapshot.hpp"

using namespace weft;

namespace {

using Map = ShardedMap<int>;

std::map<NamespacedName, int> contents(const Map& map) {
  std::map<NamespacedName, int> out;
  map.for_each([&](const NamespacedName& key, int value) { out.emplace(key, value); });
  return out;
}

}  // namespace

TEST_CASE("a sharded map behaves as a map, and its copies stay as they are") {
  auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random(seed);
  Map map, copy;
  std::map<NamespacedName, int> model, copied;
  for (int step = 0; step < 20'000; ++step) {
    NamespacedName key{"ns", std::to_string(random() % 500)};
    if (random() % 3 == 0)
      REQUIRE(map.erase(key) == (model.erase(key) != 0));
    else
      map.put(key, step), model[key] = step;
    REQUIRE(map.size() == model.size());
    if (step % 1000 == 500) copy = map, copied = model;
  }
  CHECK(contents(map) == model);
  CHECK(contents(copy) == copied);
  for (int i = 0; i < 500; ++i) {
    NamespacedName key{"ns", std::to_string(i)};
    const auto* found = map.find(key);
    auto it = model.find(key);
    REQUIRE((found == nullptr) == (it == model.end()));
    if (found != nullptr) CHECK(*found == it->second);
  }
}

TEST_CASE("what two maps do not share is every difference between them") {
  std::mt19937 random(7);
  Map older;
  for (int i = 0; i < 2000; ++i) older.put({"ns", std::to_string(i)}, i);
  Map newer = older;
  newer.put({"ns", "5"}, -5);
  newer.put({"ns", "new"}, 1);
  newer.erase({"ns", "9"});
  std::map<std::string, std::pair<int, int>> seen;
  std::size_t visited = 0;
  newer.for_each_touched(older, [&](const NamespacedName& key, const int* before, const int* now) {
    ++visited;
    auto differ = before == nullptr || now == nullptr || *before != *now;
    if (differ) seen[key.second] = {before ? *before : 0, now ? *now : 0};
  });
  CHECK(seen == std::map<std::string, std::pair<int, int>>{{"5", {5, -5}}, {"new", {0, 1}}, {"9", {9, 0}}});
  CHECK(visited < 50);
  newer.for_each_touched(newer, [](const auto&, const int*, const int*) { FAIL("a map shares all with itself"); });
}
