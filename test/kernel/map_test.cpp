#include "agent/kernel/map.hpp"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace weft;

TEST_CASE("a batch that the kernel refuses as a whole wrote nothing") {
  Map<std::uint32_t, std::uint32_t> nowhere(-1);
  errno = 0;
  CHECK(nowhere.put_many({1, 2, 3}, {4, 5, 6}) == 0);
  CHECK(errno == EBADF);
  CHECK(nowhere.put_many({}, {}) == 0);
}
