// Cases whose verdicts another implementation gave (test/data/netpol-cases.md): every pair, port and protocol of every
// step, through decoder, model, compiler and the reduction that the kernel uses; also which side denies.
#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

using nlohmann::json;

json pod_object(const json& pod) {
  json ports = json::array();
  for (const auto& port : pod["ports"])
    ports.push_back({{"name", port["name"]}, {"containerPort", port["port"]}, {"protocol", port["protocol"]}});
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", pod["name"]}, {"namespace", pod["namespace"]}, {"labels", pod["labels"]}}},
          {"spec", {{"nodeName", "node-a"}, {"containers", {{{"name", "c"}, {"ports", ports}}}}}},
          {"status", {{"phase", "Running"}, {"podIP", pod["ip"]}}}};
}

// The state of one step replaces that of the step before.
class Step {
 public:
  void load(PolicyWorld& world, const json& step) {
    std::set<ObjectKey> before = std::exchange(keys_, {});
    for (const auto& [name, labels] : step["namespaces"].items())
      put(world, {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}, {"labels", labels}}}});
    for (const auto& pod : step["pods"]) put(world, pod_object(pod));
    for (const auto& policy : step["policies"]) put(world, policy);
    for (const auto& key : before)
      if (!keys_.contains(key)) world.remove(key);
  }

 private:
  void put(PolicyWorld& world, const json& object) {
    auto decoded = decode_json("case", object);
    for (const auto& said : decoded.diagnostics) INFO(said.field << " " << said.reason);
    REQUIRE(decoded.objects.size() == 1);
    REQUIRE(decoded.refused.empty());
    keys_.insert(object_key(decoded.objects[0].object));
    world.take(std::move(decoded));
  }
  std::set<ObjectKey> keys_;
};

std::uint8_t protocol_of(const std::string& name) { return name == "TCP" ? 6 : name == "UDP" ? 17 : 132; }

std::string denied_by(const PolicyVerdict& verdict) {
  auto denies = [](const auto& side) { return side && side->decision.verdict == WEFT_VERDICT_DENY; };
  std::string out = denies(verdict.ingress) ? "ingress" : "";
  if (denies(verdict.egress)) out += out.empty() ? "egress" : "+egress";
  return out;
}

struct Count {
  std::size_t verdicts = 0, wrong = 0;
};

void judge(const PolicyWorld& world, const json& step, const std::string& id, Count& count) {
  PolicyLookup lookup(world.tables);
  std::map<std::string, IpAddress> addresses;
  for (const auto& pod : step["pods"])
    addresses[pod["namespace"].get<std::string>() + "/" + pod["name"].get<std::string>()] =
        IpAddress::parse(pod["ip"].get<std::string>()).value();
  auto check = [&](const std::string& line, const std::string& want) {
    char client[64], server[64], protocol[8];
    unsigned port = 0;
    REQUIRE(std::sscanf(line.c_str(), "%63s > %63s %7[A-Z]/%u", client, server, protocol, &port) == 4);
    auto got = denied_by(lookup.decide(
        {addresses.at(client), addresses.at(server), static_cast<std::uint16_t>(port), protocol_of(protocol)}));
    ++count.verdicts;
    if (got == want) return;
    ++count.wrong;
    UNSCOPED_INFO(id << ": " << line << " is denied by '" << got << "', should be by '" << want << "'");
  };
  for (const auto& line : step["allowed"]) check(line.get<std::string>(), "");
  for (const auto& line : step["denied"]) check(line.get<std::string>(), step["denied_by"][line.get<std::string>()]);
}

}  // namespace

TEST_CASE("all verdicts of the network policy cases are right") {
  std::ifstream file(WEFT_SOURCE_DIR "/test/data/netpol-cases.jsonl");
  Count count;
  std::size_t cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    auto document = json::parse(line);
    auto id = document["id"].get<std::string>();
    PolicyWorld world;
    Step state;
    for (const auto& step : document["steps"]) {
      state.load(world, step);
      world.compile();
      judge(world, step, id, count);
    }
  }
  WARN(count.verdicts << " verdicts of " << cases << " cases");
  CHECK(count.wrong == 0);
  CHECK(cases >= 43);
  CHECK(count.verdicts >= 10000);
}

}  // namespace weft::test
