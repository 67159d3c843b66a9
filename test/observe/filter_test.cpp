#include <catch2/catch.hpp>

#include "agent/observe/filter.hpp"
#include "agent/observe/flow_joiner.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

Flow sample_flow() {
  FlowJoiner joiner(0, [](std::uint64_t) { return "/system.slice/shop.service"; });
  auto pod = std::make_shared<Pod>();
  pod->metadata = {"shop", "web-7d9", "", {}, false};
  pod->addresses = {IpAddress::parse("10.1.0.2").value()};
  pod->running = true;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->pods.put({"shop", "web-7d9"}, std::shared_ptr<const Pod>(pod));
  joiner.update(snapshot, std::make_shared<FakeNames>());
  return joiner.join(closed_event());
}

bool matches(std::string_view text, const Flow& flow) {
  auto filter = Filter::parse(text);
  INFO(text << ": " << (filter ? "" : filter.error().what));
  REQUIRE(filter);
  return filter->matches(flow);
}

bool matches(std::string_view text) { return matches(text, sample_flow()); }

std::string error_of(std::string_view text) {
  auto filter = Filter::parse(text);
  REQUIRE_FALSE(filter);
  return filter.error().what;
}

}  // namespace

TEST_CASE("each key of a filter looks at its own part of a flow") {
  for (auto text : {"src=shop/cart",   "src=cart",    "src=shop/*",        "src=10.1.0.5",
                    "src=10.1.0.0/24", "dst=web",     "dst=shop/web-7d9",  "dst=web-*",
                    "dst=10.1.0.2",    "ns=shop",     "namespace=sh?p",    "pod=web-7d9",
                    "pod=shop/web-*",  "service=web", "service=shop/web",  "service=10.96.0.0/16",
                    "port=80",         "port=8080",   "port=443,80",       "proto=tcp",
                    "proto=TCP",       "kind=close",  "verdict=allowed",   "reason=fin",
                    "zone=z1",         "zone=z2",     "unit=shop.service", "reporter=source"}) {
    CHECK(matches(text));
    CHECK_FALSE(matches(std::string("not ") + text));
  }
  for (auto text :
       {"src=web", "src=bank/*", "src=10.2.0.0/16", "dst=cart", "ns=bank", "pod=cart", "service=vault", "port=40000",
        "proto=udp", "kind=open", "verdict=denied", "reason=reset", "zone=z3", "unit=other", "reporter=destination"}) {
    CHECK_FALSE(matches(text));
    CHECK(matches(std::string("not ") + text));
  }
}

TEST_CASE("a word alone matches any name, kind, verdict, reason, protocol or address") {
  for (auto text :
       {"cart", "shop/web", "close", "allowed", "fin", "tcp", "10.1.0.2", "shop.service", "shop/*", "web-7d9"})
    CHECK(matches(text));
  CHECK_FALSE(matches("denied"));
  CHECK_FALSE(matches("bank/vault"));
}

TEST_CASE("denials are found by verdict, kind, policy, rule and direction") {
  FlowJoiner joiner(0, {});
  joiner.update(std::make_shared<Snapshot>(), std::make_shared<FakeNames>());
  auto flow = joiner.join(denied_event());
  for (auto text : {"verdict=denied", "kind=deny", "policy=shop/web", "policy=web", "policy=shop/*", "rule=default",
                    "direction=ingress", "reason=default_deny", "verdict=denied policy=shop/web"}) {
    CHECK(matches(text, flow));
    CHECK_FALSE(matches(text));
  }
  for (auto text : {"verdict=audited", "kind=audit", "policy=shop/cart", "rule=ingress*", "direction=egress"})
    CHECK_FALSE(matches(text, flow));
  auto event = denied_event();
  event.kind = WEFT_FLOW_AUDIT;
  event.protocol = 47;
  event.rule = 13;
  flow = joiner.join(event);
  for (auto text : {"verdict=audited", "kind=audit", "policy=guard", "guard", "rule=no-*", "proto=47"})
    CHECK(matches(text, flow));
}

TEST_CASE("and binds tighter than or, and stands between words by itself") {
  CHECK(matches("src=cart and dst=web"));
  CHECK(matches("src=cart dst=web"));
  CHECK_FALSE(matches("src=cart dst=vault"));
  CHECK(matches("src=vault and dst=vault or src=cart"));
  CHECK_FALSE(matches("src=vault and (dst=vault or src=cart)"));
  CHECK(matches("not (src=vault or dst=vault)"));
  CHECK(matches("not not src=cart"));
  CHECK(matches("verdict!=denied"));
  CHECK_FALSE(matches("port!=80,443"));
  CHECK(matches("src=\"shop/cart\""));
}

TEST_CASE("an empty filter matches everything") {
  CHECK(matches(""));
  CHECK(matches("  \t"));
}

TEST_CASE("a filter that cannot be read says where and what was expected") {
  CHECK(error_of("src=").find("position 5: expected a value") != std::string::npos);
  CHECK(error_of("src=a and").find("position 10: expected a term") != std::string::npos);
  CHECK(error_of("(src=a").find("position 7: expected ')'") != std::string::npos);
  CHECK(error_of("src=a )").find("position 7: expected 'and', 'or' or the end") != std::string::npos);
  CHECK(error_of("sorce=a").find("position 1: expected one of the keys src, dst") != std::string::npos);
  CHECK(error_of("x and verdict=alowed").find("position 15: expected one of allowed, denied, no-endpoint") !=
        std::string::npos);
  CHECK(error_of("proto=quic").find("TCP, UDP, SCTP, ICMP") != std::string::npos);
  CHECK(error_of("direction=in").find("ingress, egress") != std::string::npos);
  CHECK(error_of("src=\"a").find("closing '\"'") != std::string::npos);
  CHECK(error_of("or src=a").find("position 1") != std::string::npos);
  CHECK(error_of("=a").find("position 1") != std::string::npos);
  CHECK(error_of("src=a,").find("position 7: expected a value") != std::string::npos);
}

TEST_CASE("a filter has bounds") {
  CHECK(error_of(std::string(Filter::kMaxText + 1, 'a')).find("longer than") != std::string::npos);
  std::string deep;
  for (std::size_t i = 0; i <= Filter::kMaxDepth; ++i) deep += "(";
  CHECK(error_of(deep + "a").find("levels") != std::string::npos);
  std::string many;
  for (std::size_t i = 0; i <= Filter::kMaxTerms; ++i) many += "a ";
  CHECK(error_of(many).find("terms") != std::string::npos);
}

TEST_CASE("a glob matches as a shell's does") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("a*b*c", "a--b--c"));
  CHECK_FALSE(glob_matches("a*b*c", "a--b--"));
  CHECK(glob_matches("?", "x"));
  CHECK_FALSE(glob_matches("?", ""));
  CHECK_FALSE(glob_matches("", "x"));
  CHECK(glob_matches("***x", "aaax"));
  CHECK_FALSE(glob_matches("*a*a*a*a*a*a*a*a*b", std::string(1000, 'a')));
}
