#include <nlohmann/json.hpp>

#include "agent/api/explain.hpp"
#include "test/api/fixture.hpp"

using namespace weft;
using namespace weft::test;
using nlohmann::json;

namespace {

std::string error_of(const std::string& body) {
  auto queries = parse_explain_request(body);
  INFO(body.substr(0, 300));
  REQUIRE_FALSE(queries);
  return queries.error().what;
}

// One question that is right but for `change`.
std::string error_with(const std::string& change) {
  auto query = json::parse(R"({"source":"shop/cart","destination":"shop/web","port":80})");
  query.merge_patch(json::parse(change));
  auto good = json::parse(R"({"source":"10.1.0.5","destination":"fd00::1","port":1,"protocol":"UDP"})");
  return error_of(json{{"queries", {good, query}}}.dump());
}

Answer post(const Running& running, std::string_view body) {
  return Client(running.path).request("POST", "/api/v1/explain", body);
}

}  // namespace

TEST_CASE("a request holds questions in order, with TCP where no protocol is named") {
  auto queries = parse_explain_request(R"({"queries":[
    {"source":"shop/cart","destination":"shop/web","port":80},
    {"source":"10.1.0.5","destination":"fd00::1","port":53,"protocol":"UDP"},
    {"source":"shop/cart","destination":"shop/web","protocol":"ICMP"},
    {"source":"shop/cart","destination":"shop/web","port":65535,"protocol":"SCTP","method":"GET","path":"/x"}]})");
  REQUIRE(queries);
  REQUIRE(queries->size() == 4);
  CHECK((*queries)[0].protocol == IPPROTO_TCP);
  CHECK((*queries)[0].port == 80);
  CHECK((*queries)[1].source == "10.1.0.5");
  CHECK((*queries)[1].protocol == IPPROTO_UDP);
  CHECK((*queries)[2].protocol == IPPROTO_ICMP);
  CHECK((*queries)[2].port == 0);
  CHECK((*queries)[3].method == "GET");
  CHECK((*queries)[3].path == "/x");
  CHECK(parse_explain_request(R"({"queries":[]})")->empty());
}

TEST_CASE("a question that is wrong is refused with its field") {
  for (auto [change, field] : std::initializer_list<std::pair<const char*, const char*>>{
           {R"({"colour":1})", "queries[1].colour"},
           {R"({"source":null})", "queries[1].source"},
           {R"({"source":5})", "queries[1].source"},
           {R"({"source":""})", "queries[1].source"},
           {R"({"source":"cart"})", "queries[1].source"},
           {R"({"source":"a/b/c"})", "queries[1].source"},
           {R"({"source":"shop/"})", "queries[1].source"},
           {R"({"source":"10.1.0.0/16"})", "queries[1].source"},
           {R"({"destination":["shop/web"]})", "queries[1].destination"},
           {R"({"destination":"shop/\u001b[31m"})", "queries[1].destination"},
           {R"({"port":null})", "queries[1].port"},
           {R"({"port":0})", "queries[1].port"},
           {R"({"port":65536})", "queries[1].port"},
           {R"({"port":65616})", "queries[1].port"},
           {R"({"port":-1})", "queries[1].port"},
           {R"({"port":80.5})", "queries[1].port"},
           {R"({"port":"80"})", "queries[1].port"},
           {R"({"protocol":"ICMP"})", "queries[1].port"},
           {R"({"protocol":"tcp"})", "queries[1].protocol"},
           {R"({"protocol":6})", "queries[1].protocol"},
           {R"({"method":"GET /"})", "queries[1].method"},
           {R"({"path":"x"})", "queries[1].path"}}) {
    INFO(change);
    CHECK(error_with(change).find(field) != std::string::npos);
  }
}

TEST_CASE("a request that holds no list of questions is refused") {
  CHECK(error_of("").find("queries") != std::string::npos);
  for (auto body : {"[]", "1", "null", "{}", R"({"queries":null})", R"({"queries":{}})", R"({"queries":[1]})",
                    R"({"queries":[],"more":1})", R"({"queries":[)", "{\"queries\":[]} x",
                    R"({"queries":[],"queries":[]})", "\xff"})
    error_of(body);
  error_of(std::string(R"({"queries":)") + std::string(100, '[') + std::string(100, ']') + "}");
}

TEST_CASE("ten thousand questions fit into one call, one more does not") {
  std::string items, one = R"({"source":"shop/frontend","destination":"shop/web","port":80})";
  for (std::size_t i = 0; i < kMaxExplainQueries; ++i) items += (i == 0 ? "" : ",") + one;
  auto body = "{\"queries\":[" + items + "]}";
  CHECK(body.size() < HttpLimits().body_bytes);
  auto queries = parse_explain_request(body);
  REQUIRE(queries);
  CHECK(queries->size() == kMaxExplainQueries);
  CHECK(error_of("{\"queries\":[" + items + "," + one + "]}").find("queries: 10001 questions") != std::string::npos);
  Running running;
  auto answer = post(running, body);
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body)["items"].size() == kMaxExplainQueries);
}

TEST_CASE("whoever may read may ask; only POST asks") {
  Running running;
  auto answer = post(running, R"({"queries":[{"source":"a/b","destination":"c/d","port":81},
                                             {"source":"a/b","destination":"c/d","port":80}]})");
  CHECK(answer.status == 200);
  auto items = json::parse(answer.body)["items"];
  REQUIRE(items.size() == 2);
  CHECK(items[0]["verdict"] == "no-endpoint");
  CHECK_FALSE(items[0].contains("decidedBy"));
  CHECK(items[1]["verdict"] == "denied");
  CHECK(items[1]["decidedBy"]["rule"] == "default");
  CHECK(get(running, "/api/v1/explain").status == 405);
  auto refused = post(running, R"({"queries":[{"source":"a/b","destination":"c/d","port":"x"}]})");
  CHECK(refused.status == 400);
  CHECK(json::parse(refused.body)["message"].get<std::string>().find("queries[0].port") != std::string::npos);
}
