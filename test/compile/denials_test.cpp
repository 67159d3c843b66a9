#include "agent/compile/denials.hpp"

#include <catch2/catch.hpp>

namespace weft {
namespace {

Cidr block(const char* text) { return Cidr::parse(text).value(); }

}  // namespace

TEST_CASE("of several wishes for a block the one that ends last counts") {
  Denials denials;
  denials.add(block("10.0.0.0/24"), 50, 10);
  denials.add(block("10.0.0.0/24"), 90, 10);
  denials.add(block("10.0.0.0/24"), 70, 10);
  CHECK(denials.ends().at(block("10.0.0.0/24")) == 90);
  denials.add(block("10.0.0.0/24"), kForEver, 10);
  denials.add(block("10.0.0.0/24"), 95, 10);
  CHECK(denials.ends().at(block("10.0.0.0/24")) == kForEver);
}

TEST_CASE("what has ended is no wish") {
  Denials denials;
  denials.add(block("10.0.0.0/24"), 10, 10);
  CHECK(denials.ends().empty());
  CHECK(denials.next_end() == kForEver);
}

TEST_CASE("a block is denied in the kernel for as long as any block around it") {
  Denials denials;
  denials.add(block("10.0.0.0/8"), 80, 1);
  denials.add(block("10.1.0.0/16"), 20, 1);
  denials.add(block("10.1.1.0/24"), 90, 1);
  denials.add(block("10.1.2.0/24"), 10, 1);
  denials.add(block("10.2.0.0/16"), kForEver, 1);
  denials.add(block("11.0.0.0/8"), 30, 1);
  auto ends = denials.for_kernel();
  CHECK(ends.at(block("10.0.0.0/8")) == 80);
  CHECK(ends.at(block("10.1.0.0/16")) == 80);
  CHECK(ends.at(block("10.1.1.0/24")) == 90);
  CHECK(ends.at(block("10.1.2.0/24")) == 80);
  CHECK(ends.at(block("10.2.0.0/16")) == kForEver);
  CHECK(ends.at(block("11.0.0.0/8")) == 30);
  CHECK(denials.next_end() == 10);
}

TEST_CASE("blocks of one family are not around those of the other") {
  Denials denials;
  denials.add(block("2000::/3"), kForEver, 1);
  denials.add(block("10.0.0.1/32"), 20, 1);
  CHECK(denials.for_kernel().at(block("10.0.0.1/32")) == 20);
}

}  // namespace weft
