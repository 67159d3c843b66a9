#include <bit>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/config/keys.hpp"
#include "agent/config/load.hpp"
#include "agent/config/nearest.hpp"

using namespace weft;
using nlohmann::json;

TEST_CASE("every key has a place of its own, a sentence, and takes its own default back") {
  std::set<std::string_view> paths;
  for (const auto& key : config_keys()) {
    INFO(key.path);
    CHECK(paths.insert(key.path).second);
    CHECK(key.doc.ends_with('.'));
    Config config;
    config.node.name = "a";
    auto before = config_values(config);
    CHECK(set_config_value(key, config_value(key, config), config).empty());
    CHECK(config_values(config) == before);
  }
}

TEST_CASE("the defaults of the schema are those of the agent") {
  auto schema = json::parse(config_schema());
  auto values = config_values(Config{});
  for (const auto& key : config_keys()) {
    std::string pointer;
    for (auto part : {config_pointer(key.path)}) pointer = part;
    json* here = &schema;
    for (std::size_t at = 1; at < pointer.size();) {
      auto end = std::min(pointer.find('/', at), pointer.size());
      here = &(*here)["properties"][pointer.substr(at, end - at)];
      at = end + 1;
    }
    INFO(key.path);
    CHECK(here->contains("description"));
    if (key.path != "node.name") CHECK((*here)["default"] == values[json::json_pointer(pointer)]);
  }
  CHECK(schema["additionalProperties"] == false);
}

TEST_CASE("what the agent prints as its values is a configuration that it accepts") {
  Config config;
  config.node.name = "a";
  auto loaded = make_config({{{"a.json", config_values(config).dump()}}, {}, {}, "b"});
  CHECK(loaded.findings.empty());
  CHECK(config_values(loaded.config) == config_values(config));
}

TEST_CASE("a reload says which changes need a restart") {
  Config running, wanted;
  CHECK(restart_needed(running, wanted).empty());
  wanted.log.level = "debug";
  wanted.discovery.file_paths = {"/elsewhere"};
  wanted.metrics.max_series = 5000;
  wanted.node.zone = "z2";
  CHECK(restart_needed(running, wanted).empty());
  wanted.api.socket = "/run/other.sock";
  wanted.datapath.maps.slots = 5;
  wanted.metrics.listen = std::nullopt;
  CHECK(restart_needed(running, wanted) ==
        std::vector<std::string>{"datapath.maps.slots", "metrics.listen", "api.socket"});
}

TEST_CASE("map sizes follow the memory of the node") {
  constexpr std::uint64_t kGiB = 1ULL << 30;
  auto large = make_default_map_sizes(24 * kGiB, 2);
  CHECK(large.services >= 131072);
  CHECK(large.slots >= 524288);
  CHECK(large.endpoints >= 262144);
  CHECK(large.events == 2 << 20);  // twice in the memory of weftd, whose budget is 16 MiB when idle
  auto small = make_default_map_sizes(kGiB, 2);
  CHECK(small.events == 512 << 10);
  CHECK(small.services == 8192);
  CHECK(estimate_map_bytes(small, 2) < 16 << 20);
  for (std::uint64_t memory = kGiB / 4; memory <= 1024 * kGiB; memory *= 2)
    for (std::uint32_t cpus : {1U, 4U, 64U, 512U}) {
      auto sizes = make_default_map_sizes(memory, cpus);
      INFO(memory << " " << cpus);
      CHECK(std::has_single_bit(sizes.events));
      CHECK(sizes.events <= 4 << 20);
      // The least sizes may take more of a machine with less than 1 GiB, or with many CPUs and hardly any memory.
      if (memory >= kGiB && memory / cpus >= kGiB / 4) CHECK(estimate_map_bytes(sizes, cpus) <= memory / 60);
    }
}

TEST_CASE("sizes that are set stay, the others come from the memory") {
  MapSizes wanted;
  wanted.slots = 77;
  auto sizes = resolve_map_sizes(wanted, 4ULL << 30, 2);
  CHECK(sizes.slots == 77);
  CHECK(sizes.services == make_default_map_sizes(4ULL << 30, 2).services);
  CHECK(sizes.events != 0);
}

TEST_CASE("did you mean: slips are recognised, other words are not") {
  std::vector<std::string> words = {"services", "slots", "endpoints"};
  CHECK(find_nearest("servces", words) == "services");
  CHECK(find_nearest("SLOTS", words) == "slots");
  CHECK(find_nearest("slost", words) == "slots");
  CHECK_FALSE(find_nearest("policies", words));
  CHECK_FALSE(find_nearest("", words));
  CHECK_FALSE(find_nearest(std::string(100000, 'x'), words));
}
