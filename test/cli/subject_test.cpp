#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "agent/cli/json_value.hpp"
#include "agent/cli/rates.hpp"
#include "agent/cli/subject.hpp"

using namespace weft::cli;
using nlohmann::json;
using Kind = Subject::Kind;

namespace {

const json kWorkloads = json::parse(R"([
  {"namespace":"shop","name":"frontend","pods":["frontend-1"],"addresses":["10.1.0.1"]},
  {"namespace":"shop","name":"web","pods":["web-1","cart"],"addresses":["10.1.0.2","fd00::2"]},
  {"namespace":"other","name":"frontend","pods":[],"addresses":["10.1.0.9"]}])");
const json kServices = json::parse(R"([
  {"namespace":"shop","name":"web","clusterIPs":["10.96.0.1"],"frontends":[{"address":"10.96.0.1","port":80,"endpoints":["10.1.0.2:8080"]}]},
  {"namespace":"shop","name":"cart","clusterIPs":["10.96.0.2"],"frontends":[]},
  {"namespace":"shop","name":"api","clusterIPs":["10.96.0.3"],"externalIPs":["192.0.2.1"],"frontends":[{"address":"10.96.0.3","port":80,"endpoints":["[fd00::2]:80"]}]}])");
const json kConnections = json::parse(R"([
  {"source":{"namespace":"shop","workload":"frontend","address":"10.1.0.1"},"destination":{"namespace":"shop","workload":"web","address":"10.1.0.2","service":"shop/web"}},
  {"source":{"workload":"world","address":"198.51.100.7"},"destination":{"namespace":"shop","workload":"web","address":"10.1.0.2"}}])");

Subject resolve(const std::string& text, const std::string& space = "") {
  auto subject = resolve_subject(text, space, kWorkloads, kServices);
  REQUIRE(subject);
  return *subject;
}

}  // namespace

TEST_CASE("a name means a pod, then a workload, then a service") {
  CHECK(resolve("shop/cart").kind == Kind::kPod);  // also a service
  CHECK(resolve("shop/cart").workloads == Subject::Names{{"shop", "web"}});
  CHECK(resolve("shop/web").kind == Kind::kWorkload);  // also a service
  CHECK(resolve("shop/api").kind == Kind::kService);
  CHECK(resolve("shop/api").services == Subject::Names{{"shop", "api"}});
}

TEST_CASE("a name without a namespace is looked for in all, or in the one of -n") {
  CHECK(resolve("frontend").workloads == Subject::Names{{"shop", "frontend"}, {"other", "frontend"}});
  CHECK(resolve("frontend", "other").workloads == Subject::Names{{"other", "frontend"}});
}

TEST_CASE("an address means its workload and its services, however it is written") {
  CHECK(resolve("10.1.0.1").kind == Kind::kAddress);
  CHECK(resolve("fd00:0::2").workloads == Subject::Names{{"shop", "web"}});
  CHECK(resolve("::ffff:10.1.0.1").workloads == Subject::Names{{"shop", "frontend"}});
  CHECK(resolve("192.0.2.1").services == Subject::Names{{"shop", "api"}});
}

TEST_CASE("an unknown name says what is near") {
  auto missing = resolve_subject("shop/fronted", "", kWorkloads, kServices);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == kFailed);
  CHECK(missing.error().message ==
        "there is no pod, workload or service 'shop/fronted'; did you mean 'shop/frontend'?");
}

TEST_CASE("services, workloads and connections of a subject") {
  CHECK(matching_items("services", kServices, resolve("10.1.0.2")).size() == 1);
  CHECK(matching_items("services", kServices, resolve("shop/web")).size() == 2);  // it serves both
  CHECK(matching_items("services", kServices, resolve("shop/frontend")).empty());
  CHECK(matching_items("workloads", kWorkloads, resolve("shop/web-1")).size() == 1);
  CHECK(matching_items("connections", kConnections, resolve("shop/frontend")).size() == 1);
  CHECK(matching_items("connections", kConnections, resolve("shop/web")).size() == 2);
  CHECK(matching_items("connections", kConnections, resolve("198.51.100.7")).size() == 1);
  CHECK(matching_items("connections", kConnections, resolve("shop/api")).empty());
}

namespace {

const json kEdges = json::parse(R"({"items":[
  {"source":{"namespace":"shop","workload":"frontend"},"destination":{"namespace":"shop","workload":"web","service":"shop/web","port":80},
   "protocol":"TCP","active":2,"failed":{"refused":3,"timeout":0},"rttMsAverage":0.5,
   "rates":{"openedPerSecond":1,"failedPerSecond":0.5,"sentBytesPerSecond":100,"receivedBytesPerSecond":1000}},
  {"source":{"namespace":"shop","workload":"web"},"destination":{"namespace":"shop","workload":"db","port":5432},
   "protocol":"TCP","active":1,"failed":{},"rates":{"openedPerSecond":9,"sentBytesPerSecond":5000,"receivedBytesPerSecond":1}}]})");

}  // namespace

TEST_CASE("edges are ranked by what they carry now") {
  auto rows = rank_rates(kEdges, "edge");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0]["source"] == "shop/web");
  CHECK(rows[1]["destination"] == "shop/web");
}

TEST_CASE("a workload's rates are what it dialled and what it served, seen from its side") {
  auto rows = rank_rates(kEdges, "workload");
  REQUIRE(rows.size() == 3);
  CHECK(rows[0]["workload"] == "shop/web");
  CHECK(rows[0]["sentBytesPerSecond"] == 5000 + 1000);
  CHECK(rows[0]["receivedBytesPerSecond"] == 1 + 100);
  CHECK(rows[0]["openedPerSecond"] == 9);
  CHECK(rows[0]["servedPerSecond"] == 1);
}

TEST_CASE("drops are listed by reason, and nothing that did not fail") {
  auto rows = rank_rates(kEdges, "drop");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0]["reason"] == "refused");
  CHECK(rows[0]["total"] == 3);
}
