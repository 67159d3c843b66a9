#include "agent/kernel/map.hpp"

#include <bpf/libbpf.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "agent/base/fd.hpp"
#include "agent/kernel/catalog.hpp"
#include "agent/kernel/migrate.hpp"

using namespace weft;

namespace {

Fd make_array(std::uint32_t entries) {
  Fd fd(::bpf_map_create(BPF_MAP_TYPE_ARRAY, "weft_test", 4, 4, entries, nullptr));
  REQUIRE(fd);
  return fd;
}

const PinnedMap& named(std::string_view name) {
  for (const auto& map : kPinnedMaps)
    if (map.name == name) return map;
  FAIL("no map " << name);
  return kPinnedMaps[0];
}

}  // namespace

TEST_CASE("a batch that the kernel refuses as a whole wrote nothing") {
  Map<std::uint32_t, std::uint32_t> nowhere(-1);
  errno = 0;
  CHECK(nowhere.put_many({1, 2, 3}, {4, 5, 6}) == 0);
  CHECK(errno == EBADF);
  CHECK(nowhere.put_many({}, {}) == 0);
}

TEST_CASE("an array is copied whole to its successor, and what does not fit is counted") {
  constexpr std::uint32_t kRows = 10'000;
  auto from = make_array(kRows), same = make_array(kRows), smaller = make_array(6'000);
  Map<std::uint32_t, std::uint32_t> rows(from.get());
  for (std::uint32_t i = 0; i < kRows; ++i) REQUIRE(rows.put(i, i * 7));

  auto copied = copy_map(named("weft_slots"), from.get(), same.get(), 2);
  REQUIRE(copied);
  CHECK(copied->entries == kRows);
  CHECK(copied->left_out == 0);
  for (std::uint32_t i : {0U, 1U, 4'095U, 4'096U, 8'191U, 8'192U, kRows - 1}) {
    std::uint32_t value = 0;
    REQUIRE(Map<std::uint32_t, std::uint32_t>(same.get()).find(i, value));
    CHECK(value == i * 7);
  }

  copied = copy_map(named("weft_slots"), from.get(), smaller.get(), 2);
  REQUIRE(copied);
  CHECK(copied->entries == 6'000);
  CHECK(copied->left_out == 4'000);
}

TEST_CASE("counters that grow between the copy and the swap are added to what the new programs counted") {
  auto cpus = static_cast<std::size_t>(::libbpf_num_possible_cpus());
  Fd from(::bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "weft_test", 4, 8, 16, nullptr));
  Fd to(::bpf_map_create(BPF_MAP_TYPE_PERCPU_HASH, "weft_test", 4, 8, 16, nullptr));
  REQUIRE((from && to));
  auto put = [&](const Fd& map, std::uint32_t key, std::uint64_t each) {
    std::vector<std::uint64_t> values(cpus, each);
    REQUIRE(::bpf_map_update_elem(map.get(), &key, values.data(), BPF_ANY) == 0);
  };
  auto sum = [&](std::uint32_t key) {
    std::vector<std::uint64_t> values(cpus);
    REQUIRE(::bpf_map_lookup_elem(to.get(), &key, values.data()) == 0);
    return values[0];
  };
  const auto& map = named("weft_helper_errors");
  put(from, 1, 10);
  put(from, 2, 20);
  auto copied = copy_map(map, from.get(), to.get(), static_cast<unsigned>(cpus));
  REQUIRE(copied);
  put(from, 1, 15);  // the old programs go on counting
  put(from, 3, 7);
  put(to, 2, 23);  // and so do the new ones
  put(to, 3, 1);
  REQUIRE(catch_up_map(map, from.get(), to.get(), copied->seen, static_cast<unsigned>(cpus)));
  CHECK(sum(1) == 15);
  CHECK(sum(2) == 23);
  CHECK(sum(3) == 8);
}

TEST_CASE("states that came, went or changed between the copy and the swap follow, and newer ones stay") {
  Fd from(::bpf_map_create(BPF_MAP_TYPE_HASH, "weft_test", 4, 8, 16, nullptr));
  Fd to(::bpf_map_create(BPF_MAP_TYPE_HASH, "weft_test", 4, 8, 16, nullptr));
  REQUIRE((from && to));
  Map<std::uint32_t, std::uint64_t> old_states(from.get()), states(to.get());
  for (std::uint32_t key : {1U, 2U, 3U, 4U}) REQUIRE(old_states.put(key, key * 10));
  const auto& map = named("weft_connections");
  auto copied = copy_map(map, from.get(), to.get(), 1);
  REQUIRE(copied);
  REQUIRE(old_states.put(1, 11));  // changed
  REQUIRE(old_states.erase(2));    // ended
  REQUIRE(old_states.put(5, 50));  // begun
  REQUIRE(states.put(3, 33));      // changed by the new programs
  REQUIRE(old_states.put(3, 31));
  REQUIRE(catch_up_map(map, from.get(), to.get(), copied->seen, 1));
  std::uint64_t value = 0;
  CHECK((states.find(1, value) && value == 11));
  CHECK_FALSE(states.find(2, value));
  CHECK((states.find(3, value) && value == 33));
  CHECK((states.find(4, value) && value == 40));
  CHECK((states.find(5, value) && value == 50));
}
