// Requests to try and draft policies: what is taken, what is refused and how that is told.
#include "agent/api/policy_trial.hpp"

#include <nlohmann/json.hpp>

#include "test/api/fixture.hpp"

namespace weft::test {
namespace {

std::string problem_of(std::string_view body) {
  auto request = parse_policy_try(body);
  return request ? "" : request.error().what;
}

Answer post(Running& running, const std::string& path, const std::string& body) {
  return Client(running.path).request("POST", path, body);
}

}  // namespace

TEST_CASE("a trial takes files, a time and whether they go") {
  auto request =
      parse_policy_try(R"({"files":[{"name":"a.yaml","text":"x"},{"name":"b.json"}],"lastSeconds":60,"delete":true})");
  REQUIRE(request);
  CHECK(request->files.size() == 2);
  CHECK(request->files[0].text == "x");
  CHECK(request->last == std::chrono::seconds(60));
  CHECK(request->remove);
  CHECK(parse_policy_try(R"({"files":[{"name":"a.yaml"}]})")->last == std::chrono::seconds(3600));
}

TEST_CASE("a bad trial says which field is wrong") {
  CHECK(problem_of("{}").starts_with("files: "));
  CHECK(problem_of(R"({"files":[]})").starts_with("files: "));
  CHECK(problem_of(R"({"files":[{"name":""}]})").starts_with("files[0].name: "));
  CHECK(problem_of(R"({"files":[{"name":"a","tekst":"x"}]})").starts_with("files[0].tekst: "));
  CHECK(problem_of(R"({"files":[{"name":"a"}],"lastSeconds":0})").starts_with("lastSeconds: "));
  CHECK(problem_of(R"({"files":[{"name":"a"}],"lastSeconds":3601})").starts_with("lastSeconds: "));
  CHECK(problem_of("[]") == "expected a JSON object");
  CHECK_FALSE(problem_of("{").empty());
  CHECK(parse_policy_suggest(R"({"pod":"x"})").error().what.starts_with("pod: "));
}

TEST_CASE("a refused file is 422 with the code of invalid input, a busy agent is 503, a bad request is 400") {
  Running running;
  auto refused = post(running, "/api/v1/policy/try", R"({"files":[{"name":"bad.yaml"}]})");
  CHECK(refused.status == 422);
  auto error = nlohmann::json::parse(refused.body);
  CHECK(error["kind"] == "Error");
  CHECK(error["code"] == 65);
  CHECK(error["message"].get<std::string>() == "a.yaml:3: Service shop/web: spec.ports[0].port: 0 is no port");
  CHECK(error["findings"].size() == 1);
  running.on_loop([&] { return running.backend.busy = true; });
  CHECK(post(running, "/api/v1/policy/try", R"({"files":[{"name":"a.yaml"}]})").status == 503);
  CHECK(post(running, "/api/v1/policy/try", "{}").status == 400);
  CHECK(post(running, "/api/v1/policy/suggest", "[]").status == 400);
  CHECK(Client(running.path).request("GET", "/api/v1/policy/try", "").status == 405);
}

TEST_CASE("a draft may be asked for one workload") {
  Running running;
  auto body = post(running, "/api/v1/policy/suggest", R"({"namespace":"shop","workload":"bare"})").body;
  auto items = nlohmann::json::parse(body)["items"];
  REQUIRE(items.size() == 1);
  CHECK(items[0]["problem"] == "no labels");
  CHECK_FALSE(items[0].contains("manifest"));
}

}  // namespace weft::test
