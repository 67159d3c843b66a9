// Decisions of bpf/lib/service.h, made by the kernel itself.
#include <map>
#include <memory>

#include "test/kernel/fixture.hpp"
#include "test/kernel/harness.h"
#include "weft/abi/maps.h"
// The skeleton names types of the headers above.
#include "harness.skel.h"
#include "weft/abi/flow.h"

namespace weft::test {
namespace {

constexpr std::uint32_t kNotAService = 0, kResolved = 1, kNoEndpoint = 2;

class Harness {
 public:
  Harness() : skeleton_(harness_bpf__open_and_load(), harness_bpf__destroy) { REQUIRE(skeleton_); }

  void put_endpoint(std::uint32_t id, const char* address) {
    auto row = endpoint_row(address, 8080);
    REQUIRE(Map<std::uint32_t, weft_endpoint>(fd(skeleton_->maps.weft_endpoints)).put(id, row));
  }
  void put_slots(std::uint32_t first, std::vector<std::uint32_t> ids) {
    for (auto id : ids) REQUIRE(Map<std::uint32_t, std::uint32_t>(fd(skeleton_->maps.weft_slots)).put(first++, id));
  }
  void put_service(std::uint32_t first, std::uint32_t count, std::uint32_t affinity_s = 0) {
    weft_service row{};
    row.service = 7;
    row.first_slot = first;
    row.generation = first;
    row.slot_count = count;
    row.affinity_timeout_s = affinity_s;
    row.flags = affinity_s != 0 ? WEFT_SERVICE_AFFINITY : 0;
    REQUIRE(
        Map<weft_service_key, weft_service>(fd(skeleton_->maps.weft_services)).put(service_key("10.96.0.1", 80), row));
  }
  // Three endpoints at slots 10 to 12.
  void three(std::uint32_t affinity_s = 0) {
    put_endpoint(1, "10.1.0.1");
    put_endpoint(2, "10.1.0.2");
    put_endpoint(3, "10.1.0.3");
    put_slots(10, {1, 2, 3});
    put_service(10, 3, affinity_s);
  }
  harness_resolve resolve(harness_resolve call = {}) {
    if (call.key.port == 0) call.key = service_key("10.96.0.1", 80);
    LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &call, .ctx_size_in = sizeof call);
    REQUIRE(::bpf_prog_test_run_opts(::bpf_program__fd(skeleton_->progs.harness_resolve), &options) == 0);
    return call;
  }
  std::uint64_t counter(std::uint32_t which) {
    std::uint64_t sum = 0;
    for (auto part : PerCpuMap<std::uint32_t, std::uint64_t>(fd(skeleton_->maps.weft_counters),
                                                             static_cast<unsigned>(::libbpf_num_possible_cpus()))
                         .get(which))
      sum += part;
    return sum;
  }
  // As if the client had been away for so long.
  void age_affinity(std::uint64_t seconds) {
    Map<weft_affinity_key, weft_affinity> map(fd(skeleton_->maps.weft_affinity));
    weft_affinity_key key{};
    REQUIRE(::bpf_map_get_next_key(fd(skeleton_->maps.weft_affinity), nullptr, &key) == 0);
    weft_affinity entry{};
    REQUIRE(map.find(key, entry));
    entry.last_used_ns -= seconds * 1'000'000'000ULL;
    REQUIRE(map.put(key, entry));
  }

 private:
  static int fd(const bpf_map* map) { return ::bpf_map__fd(map); }
  std::unique_ptr<harness_bpf, void (*)(harness_bpf*)> skeleton_;
};

TEST_CASE("an address that is no service is left alone") {
  Harness harness;
  harness.three();
  harness_resolve call{};
  call.key = service_key("10.96.0.1", 81);
  CHECK(harness.resolve(call).resolution == kNotAService);
  call.key = service_key("10.96.0.1", 80, 17);
  CHECK(harness.resolve(call).resolution == kNotAService);
}

TEST_CASE("a service without endpoints refuses and is counted") {
  Harness harness;
  harness.put_service(0, 0);
  auto call = harness.resolve();
  CHECK(call.resolution == kNoEndpoint);
  CHECK(call.service == 7);
  CHECK(harness.counter(WEFT_COUNT_LB_NO_ENDPOINT) == 1);
}

TEST_CASE("endpoints are taken in turn") {
  Harness harness;
  harness.three();
  std::map<std::uint32_t, int> shares;
  for (int i = 0; i < 3000; ++i) ++shares[harness.resolve().endpoint];
  auto cpus = ::libbpf_num_possible_cpus();
  for (std::uint32_t id : {1u, 2u, 3u}) CHECK(std::abs(shares[id] - 1000) <= cpus);
  CHECK(harness.counter(WEFT_COUNT_LB_SELECTIONS) == 3000);
}

TEST_CASE("clients in lockstep do not lock onto one endpoint") {
  Harness harness;
  harness.put_endpoint(1, "10.1.0.1");
  harness.put_endpoint(2, "10.1.0.2");
  harness.put_slots(10, {1, 2});
  harness.put_service(10, 2);
  std::map<std::uint32_t, int> first;
  for (int i = 0; i < 1000; ++i) {
    ++first[harness.resolve().endpoint];
    harness.resolve();
  }
  CHECK(first[1] > 300);
  CHECK(first[2] > 300);
}

TEST_CASE("the answer holds the endpoint's row") {
  Harness harness;
  harness.three();
  auto call = harness.resolve();
  REQUIRE(call.resolution == kResolved);
  auto want = endpoint_row(("10.1.0." + std::to_string(call.endpoint)).c_str(), 8080);
  CHECK(std::memcmp(&call.row, &want, sizeof want) == 0);
  CHECK(call.generation == 10);
}

TEST_CASE("a socket keeps its endpoint while the service uses it") {
  Harness harness;
  harness.three();
  harness_resolve call{};
  call.previous = 2;
  call.previous_generation = 10;
  for (int i = 0; i < 10; ++i) CHECK(harness.resolve(call).endpoint == 2);
  harness.put_slots(20, {3, 2});
  harness.put_service(20, 2);
  CHECK(harness.resolve(call).endpoint == 2);
  CHECK(harness.counter(WEFT_COUNT_LB_SELECTIONS) == 0);
}

TEST_CASE("a socket whose endpoint left the service is given another") {
  Harness harness;
  harness.three();
  harness.put_slots(20, {1, 3});
  harness.put_service(20, 2);
  harness_resolve call{};
  call.previous = 2;
  call.previous_generation = 10;
  auto after = harness.resolve(call);
  CHECK(after.endpoint != 2);
  CHECK(after.generation == 20);
}

TEST_CASE("affinity keeps a client on its endpoint until its timeout") {
  Harness harness;
  harness.three(60);
  harness_resolve call{};
  call.client = 4711;
  auto first = harness.resolve(call).endpoint;
  for (int i = 0; i < 20; ++i) CHECK(harness.resolve(call).endpoint == first);
  CHECK(harness.counter(WEFT_COUNT_LB_AFFINITY_HITS) == 20);
  harness.age_affinity(59);
  CHECK(harness.resolve(call).endpoint == first);
  harness.age_affinity(61);
  harness.resolve(call);
  CHECK(harness.counter(WEFT_COUNT_LB_AFFINITY_HITS) == 21);
}

TEST_CASE("affinity does not hold a client on an endpoint that is gone") {
  Harness harness;
  harness.three(60);
  harness_resolve call{};
  call.client = 4711;
  auto first = harness.resolve(call).endpoint;
  auto other = first == 1 ? 2u : 1u;
  harness.put_slots(20, {other});
  harness.put_service(20, 1, 60);
  CHECK(harness.resolve(call).endpoint == other);
}

TEST_CASE("a cgroup and a network namespace of one number are two clients") {
  Harness harness;
  harness.three(60);
  harness_resolve pod{}, host{};
  pod.client = host.client = 99;
  host.client_is_host = 1;
  harness.resolve(pod);
  harness.resolve(host);
  CHECK(harness.counter(WEFT_COUNT_LB_AFFINITY_HITS) == 0);
}

TEST_CASE("a slot that names no endpoint leaves the connection alone and is counted") {
  Harness harness;
  harness.put_slots(10, {5});
  harness.put_service(10, 1);
  CHECK(harness.resolve().resolution == kNotAService);
  CHECK(harness.counter(WEFT_COUNT_LB_INCONSISTENT) == 1);
}

}  // namespace
}  // namespace weft::test
