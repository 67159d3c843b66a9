#include "agent/base/duration.hpp"

#include <catch2/catch.hpp>

namespace weft {

TEST_CASE("times are whole numbers with units, the larger first") {
  CHECK(parse_seconds("90s") == 90);
  CHECK(parse_seconds("10m") == 600);
  CHECK(parse_seconds("1h30m") == 5400);
  CHECK(parse_seconds("7d") == 604800);
  CHECK(parse_seconds("1d2h3m4s") == 93784);
  for (const char* bad : {"", "10", "m", "1.5h", "30m1h", "1h1h", "-1s", "+1s", " 1s", "1s ", "1w",
                          "99999999999999999999s", "9007199254740993s", "999999999999999d"}) {
    INFO(bad);
    CHECK_FALSE(parse_seconds(bad));
  }
}

TEST_CASE("a time is written as it is read") {
  for (const char* text : {"0s", "1s", "10m", "1h30m", "7d", "1d2h3m4s"}) {
    INFO(text);
    CHECK(seconds_text(parse_seconds(text).value_or(1)) == text);
  }
}

TEST_CASE("timestamps of the Kubernetes API are seconds since 1970") {
  CHECK(parse_rfc3339("1970-01-01T00:00:00Z") == 0);
  CHECK(parse_rfc3339("2024-02-29T12:34:56Z") == 1709210096);
  CHECK(parse_rfc3339("2024-02-29T12:34:56.789Z") == 1709210096);
  CHECK(parse_rfc3339("2024-02-29T14:34:56+02:00") == 1709210096);
  CHECK(parse_rfc3339("2024-02-29T07:04:56-05:30") == 1709210096);
  for (const char* bad :
       {"", "2024", "2024-02-30T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01 00:00:00Z", "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z", "2024-01-01T00:00:00", "2024-01-01T00:00:00.Z", "2024-01-01T00:00:00Zx",
        "2024-01-01T00:00:00+2:00", "-024-01-01T00:00:00Z"}) {
    INFO(bad);
    CHECK_FALSE(parse_rfc3339(bad));
  }
}

}  // namespace weft
