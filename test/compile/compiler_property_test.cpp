// Random changes to a small mesh: compiling what changed must give what compiling everything gives.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <random>

#include "test/compile/mesh.hpp"

namespace weft::test {
namespace {

std::uint64_t seed_of_run() {
  if (const char* given = std::getenv("WEFT_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device{}();
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), compiler_(Names{}) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      std::vector<Event> events;
      for (std::uint32_t n = 1 + pick(3); n > 0; --n) events.push_back(random_event());
      if (pick(20) == 0) facts_.addresses = {ip("127.0.0.1"), address(200 + pick(3))};
      auto folded = fold_.apply(events);
      auto result = compiler_.compile(folded.snapshot, folded.changes, facts_);
      compare(folded.snapshot, *result.compiled);
      check_told(result);
    }
  }

 private:
  std::uint32_t pick(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>(0, below - 1)(random_);
  }
  bool chance(std::uint32_t one_in) { return pick(one_in) == 0; }
  std::string any(const char* stem, std::uint32_t below) { return fmt::format("{}{}", stem, pick(below)); }
  IpAddress address(std::uint32_t n) const {
    return n % 4 == 3 ? ip(fmt::format("fd00::{:x}", n + 1)) : IpAddress::v4(0x0a000000 + n);
  }
  Labels labels() { return {{"app", any("l", 3)}}; }

  Object random_node() {
    Node node;
    node.metadata.name = any("n", 4);
    node.addresses = {address(200 + pick(6))};
    node.zone = chance(5) ? "" : any("z", 3);
    node.region = any("r", 2);
    return std::make_shared<const Node>(node);
  }
  Object random_pod() {
    Pod pod;
    pod.metadata = {any("ns", 2), any("p", 8), "", labels(), chance(5)};
    pod.node = any("n", 5);
    pod.owner = any("w", 4);
    pod.addresses = {address(pick(12))};
    pod.host_network = chance(6);
    pod.running = !chance(5);
    pod.ready = !chance(4);
    if (!chance(3)) pod.ports = {{"http", static_cast<std::uint16_t>(8080 + pick(2)), Protocol::kTcp, ""}};
    return std::make_shared<const Pod>(pod);
  }
  Object random_workload() {
    Workload workload;
    workload.metadata = {any("ns", 2), any("v", 3), "", labels(), false};
    workload.node = chance(2) ? "" : any("n", 5);
    if (chance(2)) workload.addresses = {address(pick(12))};
    if (chance(2)) workload.process.uid = pick(5);
    workload.ports = {{"http", 8080, Protocol::kTcp, ""}};
    return std::make_shared<const Workload>(workload);
  }
  Object random_slice() {
    EndpointSlice slice;
    slice.metadata = {any("ns", 2), any("e", 3), "", {}, false};
    slice.service = any("s", 6);
    slice.ports = {{"", 8080, Protocol::kTcp, ""}};
    for (auto n = pick(4); n > 0; --n) {
      EndpointSlice::Endpoint endpoint;
      endpoint.addresses = {address(pick(20))};
      endpoint.ready = !chance(3);
      endpoint.terminating = chance(3);
      endpoint.node = any("n", 5);
      if (chance(2)) endpoint.hint_zones = {any("z", 3)};
      if (chance(3)) endpoint.target_space = any("ns", 2), endpoint.target_name = any("p", 8);
      slice.endpoints.push_back(endpoint);
    }
    return std::make_shared<const EndpointSlice>(slice);
  }
  Object random_service() {
    Service service;
    service.metadata = {any("ns", 2), any("s", 6), "", {}, false};
    service.type = static_cast<Service::Type>(pick(4));
    service.headless = chance(8);
    if (!chance(5)) service.cluster_ips = {address(100 + pick(8))};
    if (chance(4)) service.external_ips = {address(100 + pick(8))};
    if (!chance(5)) service.selector = labels();
    service.ports = {
        {"", Protocol::kTcp, 80, 8080, chance(2) ? "http" : "", static_cast<std::uint16_t>(30000 + pick(3)), ""}};
    if (chance(3)) service.ports.push_back({"b", Protocol::kTcp, 81, 8081, "", 0, ""});
    service.affinity_timeout_s = pick(3);
    service.internal_local = chance(4);
    service.external_local = chance(3);
    service.publish_not_ready = chance(5);
    service.distribution = static_cast<Service::Distribution>(pick(3));
    return std::make_shared<const Service>(service);
  }

  Event random_event() {
    if (!known_.empty() && chance(4)) {
      auto at = pick(static_cast<std::uint32_t>(known_.size()));
      auto key = known_[at];
      known_.erase(known_.begin() + at);
      return {ObjectRemoved{"files", "f:1", key}, {}};
    }
    auto object = random_object();
    auto key = object_key(object);
    std::erase(known_, key);
    known_.push_back(key);
    return {ObjectChanged{"files", "f:1", object}, {}};
  }
  Object random_object() {
    switch (pick(12)) {
      case 0:
        return random_node();
      case 1:
      case 2:
        return random_workload();
      case 3:
      case 4:
        return random_slice();
      case 5:
      case 6:
      case 7:
        return random_pod();
      default:
        return random_service();
    }
  }

  void compare(const std::shared_ptr<const Snapshot>& snapshot, const Compiled& compiled) {
    Compiler scratch(*compiled.names);
    ChangeSet everything;
    everything.everything = everything.owners = true;
    auto whole = scratch.compile(snapshot, everything, facts_);
    REQUIRE(Renderer(compiled).all() == Renderer(*whole.compiled).all());
    REQUIRE(compiled.names->workloads.size() == whole.compiled->names->workloads.size());
  }

  // Exactly the services that became different are told.
  void check_told(const CompileResult& result) {
    std::map<NamespacedName, std::string> now;
    Renderer renderer(*result.compiled);
    result.compiled->services.for_each(
        [&](const NamespacedName& name, const auto& service) { now[name] = renderer.service(name, *service); });
    std::set<NamespacedName> told(result.changed_services.begin(), result.changed_services.end());
    REQUIRE(told.size() == result.changed_services.size());
    for (const auto& [name, text] : now)
      REQUIRE(told.contains(name) == (!texts_.contains(name) || texts_[name] != text));
    for (const auto& [name, text] : texts_)
      if (!now.contains(name)) REQUIRE(told.contains(name));
    texts_ = std::move(now);
  }

  std::mt19937_64 random_;
  Fold fold_;
  Compiler compiler_;
  NodeFacts facts_{"n0", "", "", {address(200)}};
  std::vector<ObjectKey> known_;
  std::map<NamespacedName, std::string> texts_;
};

}  // namespace

TEST_CASE("compiling what changed gives what compiling everything gives") {
  auto seed = seed_of_run();
  for (std::uint64_t i = 0; i < 40; ++i) {
    INFO("WEFT_SEED=" << seed + i);
    World(seed + i).run(100);
  }
}

}  // namespace weft::test
