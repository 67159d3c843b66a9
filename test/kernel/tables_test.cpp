// The agent's maps in a real kernel: written by plans, dumped, full, kept by pins, removed by cleanup.
#include <sys/stat.h>

#include <fstream>

#include "agent/kernel/cleanup.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/facts.hpp"
#include "agent/kernel/object.hpp"
#include "agent/kernel/tables.hpp"
#include "test/kernel/fixture.hpp"

namespace weft::test {
namespace {

DatapathOptions small_options(const PinDirectory& pins) {
  DatapathOptions options;
  options.bpffs = pins.path();
  options.sizes.services = 4;
  options.sizes.slots = 64;
  options.sizes.endpoints = 64;
  options.sizes.events_bytes = 4096;
  return options;
}

Plan one_service() {
  weft_service row{};
  row.service = 1;
  row.first_slot = 5;
  row.slot_count = 2;
  Plan plan;
  plan.steps = {PutEndpoint{1, endpoint_row("10.1.0.1", 80)}, PutEndpoint{2, endpoint_row("10.1.0.2", 80)},
                PutSlots{5, {1, 2}}, PutService{service_key("10.96.0.1", 80), row}};
  return plan;
}

TEST_CASE("what a plan writes is what a dump reads") {
  PinDirectory pins;
  REQUIRE(open_pin_directory(pins.path()));
  auto object = BpfObject::load(small_options(pins), {});
  REQUIRE(object);
  KernelTables tables(*object);
  auto outcome = tables.apply(one_service());
  CHECK(outcome.code == 0);
  CHECK(outcome.done == 4);
  auto dump = tables.dump();
  REQUIRE(dump);
  CHECK(dump->services.size() == 1);
  CHECK(dump->slots == std::map<std::uint32_t, std::uint32_t>{{5, 1}, {6, 2}});
  CHECK(dump->endpoints.size() == 2);
}

TEST_CASE("a full table stops the plan at the step that did not fit and says which table") {
  PinDirectory pins;
  REQUIRE(open_pin_directory(pins.path()));
  auto object = BpfObject::load(small_options(pins), {});
  REQUIRE(object);
  KernelTables tables(*object);
  Plan plan;
  for (std::uint16_t port = 1; port <= 6; ++port) plan.steps.push_back(PutService{service_key("10.96.0.1", port), {}});
  auto outcome = tables.apply(plan);
  CHECK(outcome.code == E2BIG);
  CHECK(outcome.done == 4);
  CHECK(outcome.what.find("weft_services") != std::string::npos);
}

TEST_CASE("pinned maps are taken over with their content, those of another size are copied") {
  PinDirectory pins;
  REQUIRE(open_pin_directory(pins.path()));
  auto options = small_options(pins);
  {
    auto object = BpfObject::load(options, {});
    REQUIRE(object);
    REQUIRE(object->stage_pins());
    REQUIRE(object->settle_pins());
    REQUIRE(KernelTables(*object).apply(one_service()).code == 0);
  }
  auto same = BpfObject::load(options, {});
  REQUIRE(same);
  CHECK(same->copied().empty());
  CHECK(KernelTables(*same).dump()->services.size() == 1);
  options.sizes.services = 8;
  auto larger = BpfObject::load(options, {});
  REQUIRE(larger);
  REQUIRE(larger->copied().size() == 1);
  CHECK(larger->copied()[0].find("1 entries copied") != std::string::npos);
  CHECK(KernelTables(*larger).dump()->services.size() == 1);
}

TEST_CASE("a pin directory that lets others in, or is a link, is refused") {
  PinDirectory pins;
  REQUIRE(open_pin_directory(pins.path()));
  REQUIRE(::chmod(pins.path().c_str(), 0755) == 0);
  auto open_to_all = open_pin_directory(pins.path());
  REQUIRE_FALSE(open_to_all);
  CHECK(open_to_all.error().what.find("0700") != std::string::npos);
  for (const char* part : {"maps", "links", "progs"}) std::filesystem::remove(pins.path() / part);
  std::filesystem::remove(pins.path());
  std::filesystem::create_symlink("/sys/fs/bpf", pins.path());
  auto link = open_pin_directory(pins.path());
  REQUIRE_FALSE(link);
  CHECK(link.error().what.find("symbolic link") != std::string::npos);
}

TEST_CASE("a directory outside of a bpf file system is refused with the command that helps") {
  auto result = open_pin_directory("/tmp/weft-no-bpffs");
  REQUIRE_FALSE(result);
  CHECK(result.error().what.find("mount -t bpf") != std::string::npos);
}

TEST_CASE("the second lock is refused and names the first process") {
  PinDirectory pins;
  auto first = open_pin_directory(pins.path()), second = open_pin_directory(pins.path());
  REQUIRE(first);
  REQUIRE(second);
  REQUIRE(lock_pin_directory(*first, pins.path()));
  auto refused = lock_pin_directory(*second, pins.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().what.find("pid " + std::to_string(::getpid())) != std::string::npos);
}

TEST_CASE("cleanup removes what is ours, leaves what is not, and a dry run leaves all") {
  PinDirectory pins;
  auto options = small_options(pins);
  REQUIRE(open_pin_directory(pins.path()));
  {
    auto object = BpfObject::load(options, {});
    REQUIRE(object);
    REQUIRE(object->stage_pins());
    REQUIRE(object->settle_pins());
    REQUIRE(::bpf_obj_pin(object->map_fd("weft_slots"), (pins.path() / "maps" / "somebody_elses").c_str()) == 0);
  }
  REQUIRE(clean_up(pins.path(), true));
  CHECK(std::filesystem::exists(pins.path() / "maps" / "weft_slots_v1"));
  auto items = clean_up(pins.path(), false);
  REQUIRE(items);
  CHECK_FALSE(std::filesystem::exists(pins.path() / "maps" / "weft_slots_v1"));
  CHECK(std::filesystem::exists(pins.path() / "maps" / "somebody_elses"));
  std::filesystem::remove(pins.path() / "maps" / "somebody_elses");
  REQUIRE(clean_up(pins.path(), false));
  CHECK_FALSE(std::filesystem::exists(pins.path()));
}

TEST_CASE("edges are summed over processors and can be forgotten") {
  PinDirectory pins;
  REQUIRE(open_pin_directory(pins.path()));
  auto object = BpfObject::load(small_options(pins), {});
  REQUIRE(object);
  auto facts = KernelFacts::open(*object);
  REQUIRE(facts);
  auto cpus = static_cast<unsigned>(::libbpf_num_possible_cpus());
  weft_edge_key key{};
  key.source = 300;
  key.port = htons(80);
  weft_edge one{};
  one.opened = 3;
  one.rtt.bucket[2] = 1;
  REQUIRE(PerCpuMap<weft_edge_key, weft_edge>(object->map_fd("weft_edges"), cpus).put_all(key, one));
  auto edges = facts->edges();
  REQUIRE(edges);
  REQUIRE(edges->size() == 2);  // and the overflow row
  for (const auto& [found, edge] : *edges)
    if (found.source == 300) {
      CHECK(edge.opened == 3 * cpus);
      CHECK(edge.rtt.bucket[2] == cpus);
    }
  REQUIRE(facts->forget_edge(key));
  CHECK(facts->edges()->size() == 1);
}

}  // namespace
}  // namespace weft::test
