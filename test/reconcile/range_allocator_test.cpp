#include <catch2/catch.hpp>

#include <vector>

#include "agent/reconcile/range_allocator.hpp"

namespace weft {

TEST_CASE("ranges do not overlap and a full table gives nothing") {
  RangeAllocator allocator(10);
  auto a = allocator.take(6), b = allocator.take(4);
  REQUIRE((a && b));
  CHECK((*a + 6 <= *b || *b + 4 <= *a));
  CHECK_FALSE(allocator.take(1));
  CHECK(allocator.free_slots() == 0);
}

TEST_CASE("neighbouring free ranges become one") {
  RangeAllocator allocator(9);
  for (int i = 0; i < 3; ++i) REQUIRE(allocator.take(3));
  allocator.give_back(0, 3);
  allocator.give_back(6, 3);
  CHECK_FALSE(allocator.take(9));
  CHECK_FALSE(allocator.take(4));
  allocator.give_back(3, 3);
  CHECK(allocator.take(9) == 0u);
}

TEST_CASE("a range is found behind more small gaps than are looked at") {
  RangeAllocator allocator(1024);
  for (std::uint32_t i = 0; i < 512; ++i) REQUIRE(allocator.take(1));
  for (std::uint32_t i = 0; i < 512; i += 2) allocator.give_back(i, 1);
  REQUIRE(allocator.take(510));
  REQUIRE(allocator.take(2));
  allocator.give_back(600, 8);
  CHECK(allocator.take(8) == 600u);
}

TEST_CASE("an empty table gives nothing, and nobody gets an empty range") {
  CHECK_FALSE(RangeAllocator(0).take(1));
  CHECK_FALSE(RangeAllocator(8).take(0));
}

}  // namespace weft
