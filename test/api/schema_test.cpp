#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/api/render.hpp"
#include "agent/observe/flow_joiner.hpp"
#include "test/api/fixture.hpp"

using namespace weft;
using namespace weft::test;
using nlohmann::json;

namespace {

json load_schema(const std::string& name) {
  std::ifstream file(std::string(WEFT_SOURCE_DIR) + "/docs/schema/" + name + ".json");
  INFO(name);
  REQUIRE(file);
  return json::parse(file);
}

// The subset of JSON Schema that docs/schema uses; an unknown keyword is an error, so that none is silently ignored.
class Validator {
 public:
  explicit Validator(json root) : root_(std::move(root)) {}
  std::vector<std::string> check(const json& value) {
    problems_.clear();
    walk(root_, value, "");
    return problems_;
  }
  // Every place that the schema allows, as "items[].source.zone".
  std::set<std::string> places() {
    std::set<std::string> out;
    collect(root_, "", out);
    return out;
  }

 private:
  const json& resolve(const json& schema) const {
    if (!schema.contains("$ref")) return schema;
    return root_.at(json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
  }

  void walk(const json& reference, const json& value, const std::string& at) {
    const json& schema = resolve(reference);
    static const std::set<std::string> known{"$schema", "$defs",   "title",      "description", "type",
                                             "const",   "enum",    "properties", "required",    "additionalProperties",
                                             "items",   "minimum", "maximum",    "format"};
    for (const auto& [keyword, ignored] : schema.items())
      if (!known.contains(keyword)) problem(at, "unknown keyword " + keyword);
    if (schema.contains("const") && value != schema["const"]) problem(at, "is not " + schema["const"].dump());
    if (schema.contains("enum") &&
        std::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      problem(at, value.dump() + " is none of " + schema["enum"].dump());
    if (schema.contains("type") && !has_type(schema["type"], value))
      return problem(at, "is no " + schema["type"].dump());
    if (value.is_number()) check_range(schema, value, at);
    if (value.is_object()) check_members(schema, value, at);
    if (value.is_array() && schema.contains("items"))
      for (const auto& item : value) walk(schema["items"], item, at + "[]");
    if (schema.value("format", "") == "date-time" && value.get<std::string>().back() != 'Z') problem(at, "is no time");
  }

  static bool has_type(const json& type, const json& value) {
    if (type.is_array())
      return std::any_of(type.begin(), type.end(), [&](const json& one) { return has_type(one, value); });
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return type == value.type_name();
  }

  void check_range(const json& schema, const json& value, const std::string& at) {
    if (schema.contains("minimum") && value < schema["minimum"]) problem(at, "is too small");
    if (schema.contains("maximum") && value > schema["maximum"]) problem(at, "is too large");
  }

  void check_members(const json& schema, const json& value, const std::string& at) {
    auto required = schema.value("required", json::array());
    for (const auto& name : required)
      if (!value.contains(name)) problem(at, "lacks " + name.get<std::string>());
    auto properties = schema.value("properties", json::object());
    auto more = schema.value("additionalProperties", json(true));
    for (const auto& [name, member] : value.items()) {
      if (properties.contains(name))
        walk(properties[name], member, at + "." + name);
      else if (more.is_object())
        walk(more, member, at + "." + name);
      else if (more == false)
        problem(at, "has an unknown member " + name);
    }
  }

  void collect(const json& reference, const std::string& at, std::set<std::string>& out) {
    const json& schema = resolve(reference);
    if (schema.contains("items")) collect(schema["items"], at + "[]", out);
    auto properties = schema.value("properties", json::object());
    for (const auto& [name, member] : properties.items()) {
      out.insert(at + "." + name);
      collect(member, at + "." + name, out);
    }
  }

  void problem(const std::string& at, const std::string& what) { problems_.push_back(at + " " + what); }

  json root_;
  std::vector<std::string> problems_;
};

void collect_places(const json& value, const std::string& at, std::set<std::string>& out) {
  if (value.is_array())
    for (const auto& item : value) collect_places(item, at + "[]", out);
  if (!value.is_object()) return;
  for (const auto& [name, member] : value.items()) {
    out.insert(at + "." + name);
    collect_places(member, at + "." + name, out);
  }
}

// Every document is valid, and together they hold every member that the schema knows. `open` are the parts whose
// members the schema leaves open.
void hold_fast(const std::string& name, const std::vector<std::string>& documents,
               const std::vector<std::string>& open = {}) {
  Validator validator(load_schema(name));
  std::set<std::string> seen;
  for (const auto& text : documents) {
    INFO(name << ": " << text.substr(0, 2000));
    auto document = json::parse(text);
    CHECK(validator.check(document) == std::vector<std::string>{});
    collect_places(document, "", seen);
  }
  for (const auto& part : open) std::erase_if(seen, [&](const std::string& place) { return place.starts_with(part); });
  INFO(name);
  CHECK(seen == validator.places());
}

std::vector<std::string> flow_documents() {
  auto closed = sample_flow();
  auto denied = sample_flow();
  denied.kind = FlowKind::kDeny;
  denied.verdict = FlowVerdict::kNoEndpoint;
  denied.reason = "no_endpoints";
  denied.destination = {};
  FlowJoiner joiner(0, {});
  joiner.update(std::make_shared<Snapshot>(), std::make_shared<FakeNames>());
  auto audited = denied_event();
  audited.kind = WEFT_FLOW_AUDIT;
  audited.protocol = IPPROTO_ICMP;
  Flow bare;
  bare.protocol = IPPROTO_UDP;
  bare.source.workload = bare.destination.workload = unknown_name();
  return {flow_json(closed), flow_json(denied), flow_json(joiner.join(denied_event())), flow_json(joiner.join(audited)),
          flow_json(bare)};
}

}  // namespace

TEST_CASE("every list has the shape of its schema") {
  Running running;
  for (auto kind : {"service", "endpoint", "workload", "identity", "policy", "connection", "edge", "check"}) {
    auto plural = std::string(kind) + "s";
    if (plural.ends_with("ys")) plural.replace(plural.size() - 2, 2, "ies");
    auto path = "/api/v1/" + plural;
    hold_fast(std::string(kind) + "-list", {get(running, path).body});
  }
}

TEST_CASE("trials and drafts of policies have the shape of their schemas") {
  Running running;
  auto body = R"({"files":[{"name":"a.yaml","text":""}],"lastSeconds":60,"delete":true})";
  hold_fast("policy-trial", {Client(running.path).request("POST", "/api/v1/policy/try", body).body});
  hold_fast("policy-suggestion", {Client(running.path).request("POST", "/api/v1/policy/suggest", "{}").body});
}

TEST_CASE("explanations have the shape of their schema") {
  Running running;
  auto body =
      R"({"queries":[{"source":"a/b","destination":"c/d","port":80},{"source":"a/b","destination":"c/d","port":81}]})";
  hold_fast("explanation-list", {Client(running.path).request("POST", "/api/v1/explain", body).body});
}

TEST_CASE("kinds that this version lacks are empty lists") {
  Running running;
  for (auto [path, schema] : {std::pair("routes", "route-list"), std::pair("certs", "cert-list")}) {
    auto body = get(running, std::string("/api/v1/") + path).body;
    CHECK(json::parse(body)["items"].empty());
    hold_fast(schema, {body});
  }
}

TEST_CASE("status has the shape of its schema and at most a hundred findings") {
  FakeBackend backend;
  auto ready = backend.status();
  backend.is_ready = false;
  auto text = status_json(backend.status());
  hold_fast("status", {status_json(ready), text});
  auto status = json::parse(text);
  CHECK(status["findings"].size() == 100);
  CHECK(status["findingsTotal"] == 150);
  CHECK(status["lag"]["revisions"] == 1);
}

TEST_CASE("the other documents have the shapes of their schemas") {
  FakeBackend backend;
  hold_fast("config", {config_json(backend.config())}, {".values.", ".origins."});
  hold_fast("reload-result", {reload_json({true, 7, "", {sample_finding()}})});
  hold_fast("error",
            {reload_json({false, 0, "refused", {sample_finding()}}), error_response(404, "no \x1b[31m\xff").text});
  hold_fast("log-level", {log_level_json("debug")});
  hold_fast("denied-list", {deny_list_json(backend.deny_list().value())});
  hold_fast("quarantine", {quarantine_json({"shop", "cart", 1'000'000'000, 0, "a scan"}, false)});
  hold_fast("flow", flow_documents());
  hold_fast("flow-lost", {lost_json(3)});
  hold_fast("flow-summary", {summary_json(3, 4)});
}

TEST_CASE("the validator of this test notices what is wrong") {
  Validator flow(load_schema("flow"));
  auto good = json::parse(flow_documents()[0]);
  auto problems_after = [&](auto change) {
    auto bad = good;
    change(bad);
    return flow.check(bad).size();
  };
  CHECK(problems_after([](json&) {}) == 0);
  CHECK(problems_after([](json& bad) { bad.erase("time"); }) == 1);
  CHECK(problems_after([](json& bad) { bad["colour"] = 1; }) == 1);
  CHECK(problems_after([](json& bad) { bad["verdict"] = "maybe"; }) == 1);
  CHECK(problems_after([](json& bad) { bad["source"]["port"] = 70000; }) == 1);
  CHECK(problems_after([](json& bad) { bad["sentBytes"] = "many"; }) == 1);
}
