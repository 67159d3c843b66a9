// The cases of test/data/netpol-cases.md, read line by line into a PolicyWorld.
#pragma once

#include <catch2/catch.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "test/compile/policy_world.hpp"

namespace weft::test {

using nlohmann::json;

inline json pod_object(const json& pod) {
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

inline std::uint8_t protocol_of(const std::string& name) { return name == "TCP" ? 6 : name == "UDP" ? 17 : 132; }

// One pair of a step: "x/a > y/b TCP/80".
struct CasePair {
  IpAddress client, server;
  std::uint16_t port = 0;
  std::uint8_t protocol = 0;
};

inline CasePair parse_pair(const json& step, const std::string& line) {
  char client[64], server[64], protocol[8];
  unsigned port = 0;
  REQUIRE(std::sscanf(line.c_str(), "%63s > %63s %7[A-Z]/%u", client, server, protocol, &port) == 4);
  CasePair pair{{}, {}, static_cast<std::uint16_t>(port), protocol_of(protocol)};
  for (const auto& pod : step["pods"]) {
    auto name = pod["namespace"].get<std::string>() + "/" + pod["name"].get<std::string>();
    if (name == client) pair.client = IpAddress::parse(pod["ip"].get<std::string>()).value();
    if (name == server) pair.server = IpAddress::parse(pod["ip"].get<std::string>()).value();
  }
  return pair;
}

}  // namespace weft::test
