#include <catch2/catch.hpp>

#include "test/reconcile/fake_kernel.hpp"

namespace weft::test {
namespace {

constexpr TableSizes kSizes{64, 128, 64, 16, 16};

// A ledger with its kernel: plans are applied as they are made.
struct Node {
  FakeKernel kernel;
  Ledger ledger;

  explicit Node(const TableSizes& sizes = kSizes, Tables have = {}) : kernel{have}, ledger(sizes, have, at_s(0)) {}

  Plan put(const ServiceSpec& spec, long now_s = 0, bool may_remove = true) {
    Plan plan;
    REQUIRE(ledger.plan_service(spec.desired(), may_remove, at_s(now_s), plan));
    apply(plan, now_s);
    return plan;
  }
  Result<> try_put(const ServiceSpec& spec, long now_s = 0) {
    Plan plan;
    auto result = ledger.plan_service(spec.desired(), true, at_s(now_s), plan);
    apply(plan, now_s);
    return result;
  }
  void remove(std::uint32_t service, long now_s) {
    Plan plan;
    REQUIRE(ledger.plan_service_removal(service, at_s(now_s), plan));
    apply(plan, now_s);
  }
  Plan expire(long now_s) {
    Plan plan;
    ledger.plan_expired(at_s(now_s), plan);
    apply(plan, now_s);
    return plan;
  }
  void apply(const Plan& plan, long now_s) {
    kernel.take(plan, plan.steps.size());
    ledger.commit(plan, {plan.steps.size(), 0, ""}, at_s(now_s));
  }
};

template <class S>
std::size_t count(const Plan& plan) {
  return static_cast<std::size_t>(
      std::count_if(plan.steps.begin(), plan.steps.end(), [](const Step& s) { return std::holds_alternative<S>(s); }));
}

std::vector<std::size_t> kinds(const Plan& plan) {
  std::vector<std::size_t> list;
  for (const auto& step : plan.steps) list.push_back(step.index());
  return list;
}

std::uint32_t id_of(const FakeKernel& kernel, std::uint32_t ip) {
  for (const auto& [id, row] : kernel.tables.endpoints)
    if (same_bytes(row.address, abi_address(ip))) return id;
  return 0;
}

}  // namespace

TEST_CASE("a new service is written endpoints first, then slots, then its frontend") {
  Node node;
  auto plan = node.put(simple_service(1, 100, {1, 2}));
  CHECK(kinds(plan) == std::vector<std::size_t>{0, 0, 1, 2});
  auto answer = node.kernel.ask(frontend_key(100));
  REQUIRE(answer);
  CHECK(answer->row.service == 1);
  CHECK(same_endpoints(answer->endpoints, {endpoint_row(1), endpoint_row(2)}));
}

TEST_CASE("endpoint id 0 is never given") {
  Node node;
  node.put(simple_service(1, 100, {1, 2, 3}));
  CHECK_FALSE(node.kernel.tables.endpoints.contains(0));
}

TEST_CASE("an unchanged service needs no step") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  CHECK(node.put(simple_service(1, 100, {1, 2})).empty());
}

TEST_CASE("a change writes a new range and moves the frontend, and leaves the old range alone") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  auto before = node.kernel.tables;
  node.put(simple_service(1, 100, {1, 3}), 10);
  auto old_row = before.services.at(frontend_key(100));
  for (auto i = old_row.first_slot; i < old_row.first_slot + old_row.slot_count; ++i)
    CHECK(node.kernel.tables.slots.at(i) == before.slots.at(i));
  CHECK(node.kernel.tables.services.at(frontend_key(100)).first_slot != old_row.first_slot);
  CHECK(node.kernel.tables.endpoints.contains(id_of(node.kernel, 2)));
}

TEST_CASE("an endpoint that nothing names is cleared after its grace and not before") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  node.put(simple_service(1, 100, {1}), 10);
  auto id = id_of(node.kernel, 2);
  CHECK(node.expire(69).empty());
  auto plan = node.expire(70);
  REQUIRE(plan.steps.size() == 1);
  CHECK(std::get<ClearEndpoint>(plan.steps[0]).id == id);
  CHECK(node.expire(71).empty());
}

TEST_CASE("an endpoint id is not given again within its grace") {
  Node node({64, 128, 4, 16, 16});  // ids 1 to 3
  node.put(simple_service(1, 100, {1, 2, 3}));
  node.put(simple_service(1, 100, {1}), 10);
  auto refused = node.try_put(simple_service(2, 200, {4}), 20);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ENOSPC);
  CHECK(refused.error().what.find("datapath.maps.endpoints") != std::string::npos);
  node.expire(70);
  CHECK(node.try_put(simple_service(2, 200, {4}), 70));
}

TEST_CASE("an endpoint that comes back within its grace keeps its id and is not cleared") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  auto id = id_of(node.kernel, 2);
  node.put(simple_service(1, 100, {1}), 10);
  node.put(simple_service(1, 100, {1, 2}), 20);
  CHECK(id_of(node.kernel, 2) == id);
  CHECK(node.expire(500).empty());
  CHECK(node.kernel.is_consistent());
}

TEST_CASE("services share the id of a common endpoint, which stays until the last one is gone") {
  Node node;
  node.put(simple_service(1, 100, {1}));
  CHECK(count<PutEndpoint>(node.put(simple_service(2, 200, {1}))) == 0);
  node.remove(1, 10);
  CHECK(node.expire(100).empty());
  node.remove(2, 100);
  CHECK(count<ClearEndpoint>(node.expire(160)) == 1);
}

TEST_CASE("frontends of one set share its slots") {
  Node node;
  auto spec = simple_service(1, 100, {1, 2});
  spec.frontends.push_back({frontend_key(101), 0});
  CHECK(count<PutSlots>(node.put(spec)) == 1);
  CHECK(node.ledger.used().slots == 2);
}

TEST_CASE("equal sets of one service share slots, so that planning again changes nothing") {
  Node node;
  auto spec = simple_service(1, 100, {1, 2});
  spec.sets.push_back(spec.sets[0]);
  spec.frontends.push_back({frontend_key(101), 1});
  CHECK(count<PutSlots>(node.put(spec)) == 1);
  CHECK(node.put(spec).empty());
}

TEST_CASE("a change of zone or workload is written in place") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  auto spec = simple_service(1, 100, {1, 2});
  spec.sets[0][1].zone = 7;
  auto plan = node.put(spec);
  CHECK(kinds(plan) == std::vector<std::size_t>{0});
  CHECK(node.kernel.ask(frontend_key(100))->endpoints[1].zone == 7);
}

TEST_CASE("a service without endpoints has a frontend and no slots") {
  Node node;
  node.put(simple_service(1, 100, {}));
  CHECK(node.kernel.ask(frontend_key(100))->row.slot_count == 0);
  CHECK(node.ledger.used().slots == 0);
}

TEST_CASE("affinity of a service is in every frontend, and its change moves no slot") {
  Node node;
  auto spec = simple_service(1, 100, {1});
  node.put(spec);
  spec.flags = WEFT_SERVICE_AFFINITY;
  spec.affinity_timeout_s = 10800;
  CHECK(kinds(node.put(spec)) == std::vector<std::size_t>{2});
  CHECK(node.kernel.ask(frontend_key(100))->row.affinity_timeout_s == 10800);
  CHECK(node.kernel.ask(frontend_key(100))->row.flags == WEFT_SERVICE_AFFINITY);
}

TEST_CASE("frontends that are gone are removed only when removing is allowed") {
  Node node;
  auto spec = simple_service(1, 100, {1});
  spec.frontends.push_back({frontend_key(101), 0});
  node.put(spec);
  spec.frontends.pop_back();
  CHECK(node.put(spec, 0, false).empty());
  CHECK(node.kernel.ask(frontend_key(101)));
  CHECK(kinds(node.put(spec)) == std::vector<std::size_t>{3});
  CHECK_FALSE(node.kernel.ask(frontend_key(101)));
}

TEST_CASE("a frontend goes from one service to another in one write") {
  Node node;
  node.put(simple_service(1, 100, {1}));
  node.put(simple_service(2, 100, {2}));
  CHECK(node.kernel.ask(frontend_key(100))->row.service == 2);
  CHECK(node.ledger.services() == std::vector<std::uint32_t>{2});
}

TEST_CASE("a full table of services leaves the service as it was and says which setting to raise") {
  Node node({1, 128, 64, 16, 16});
  node.put(simple_service(1, 100, {1}));
  auto refused = node.try_put(simple_service(2, 200, {2}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ENOSPC);
  CHECK(refused.error().what.find("datapath.maps.services") != std::string::npos);
  CHECK_FALSE(node.kernel.ask(frontend_key(200)));
  CHECK(node.ledger.used().endpoints == 1);
  CHECK(node.ledger.used().slots == 1);
}

TEST_CASE("a full table of slots leaves the old rows, and other services go on") {
  Node node({64, 4, 64, 16, 16});
  node.put(simple_service(1, 100, {1, 2, 3}));
  auto refused = node.try_put(simple_service(1, 100, {1, 2, 4}));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ENOSPC);
  CHECK(refused.error().what.find("datapath.maps.slots") != std::string::npos);
  CHECK(same_endpoints(node.kernel.ask(frontend_key(100))->endpoints,
                       {endpoint_row(1), endpoint_row(2), endpoint_row(3)}));
  CHECK(node.try_put(simple_service(2, 200, {5})));
}

TEST_CASE("slots given up are taken back early when the table is full, but not within a second") {
  Node node({64, 4, 64, 16, 16});
  node.put(simple_service(1, 100, {1, 2}), 10);
  node.put(simple_service(1, 100, {2, 3}), 10);
  CHECK_FALSE(node.try_put(simple_service(1, 100, {3, 4}), 10));
  CHECK(node.try_put(simple_service(1, 100, {3, 4}), 11));
  CHECK(node.kernel.is_consistent());
}

TEST_CASE("a place is not given again before the rest of the table was") {
  Node node;
  node.put(simple_service(1, 100, {1}), 0);
  auto first = node.kernel.ask(frontend_key(100))->row.first_slot;
  for (long i = 1; i < 100; ++i) {
    node.put(simple_service(1, 100, {static_cast<std::uint32_t>(i % 2 + 1)}), i * 100);
    node.expire(i * 100 + 99);
    CHECK(node.kernel.ask(frontend_key(100))->row.first_slot != first);
  }
}

TEST_CASE("after a restart equal services need no step, and ids and slots are kept") {
  Node node;
  auto spec = simple_service(1, 100, {1, 2});
  spec.frontends.push_back({frontend_key(101), 0});
  node.put(spec);
  node.put(simple_service(2, 200, {}));
  Node again(kSizes, node.kernel.tables);
  CHECK(again.put(spec).empty());
  CHECK(again.put(simple_service(2, 200, {})).empty());
  CHECK(again.ledger.services() == std::vector<std::uint32_t>{1, 2});
  CHECK(again.expire(1000).empty());
}

TEST_CASE("what a kill left half-written is reclaimed after a grace") {
  FakeKernel kernel;
  kernel.tables.endpoints[5] = endpoint_row(9);  // written, but no slot names it
  kernel.tables.slots[3] = 5;                    // written, but no service names it
  Node node(kSizes, kernel.tables);
  CHECK(node.ledger.used().endpoints == 1);
  CHECK(node.ledger.used().slots == 0);
  CHECK(node.expire(59).empty());
  CHECK(count<ClearEndpoint>(node.expire(60)) == 1);
  CHECK(node.ledger.used().endpoints == 0);
}

TEST_CASE("an id that a damaged dump names without a row is not given while it is named") {
  FakeKernel kernel;
  kernel.tables.services[frontend_key(100)] = {1, 0, 2, 0, 0, 0, 0};
  kernel.tables.slots[0] = 1;
  kernel.tables.slots[1] = 2;
  kernel.tables.endpoints[2] = endpoint_row(7);
  Node node(kSizes, kernel.tables);
  node.put(simple_service(2, 200, {8}));
  CHECK(id_of(node.kernel, 8) == 3);
  node.put(simple_service(1, 100, {7, 9}));
  CHECK(node.kernel.is_consistent());
  CHECK(id_of(node.kernel, 9) == 4);
  node.expire(60);
  CHECK(node.ledger.used().endpoints == 3);
}

TEST_CASE("ranges that overlap in a damaged dump are freed when no service names them") {
  FakeKernel kernel;
  kernel.tables.endpoints[1] = endpoint_row(7);
  for (std::uint32_t i = 0; i < 8; ++i) kernel.tables.slots[i] = 1;
  kernel.tables.services[frontend_key(100)] = {1, 0, 5, 0, 0, 0, 0};
  kernel.tables.services[frontend_key(200)] = {2, 3, 5, 0, 0, 0, 0};
  kernel.tables.services[frontend_key(201)] = {3, 120, 500, 0, 0, 0, 0};  // beyond the table
  kernel.tables.services[frontend_key(202)] = {4, 4000000000u, 9, 0, 0, 0, 0};
  Node node(kSizes, kernel.tables);
  CHECK(node.ledger.used().slots == 16);
  node.put(simple_service(1, 100, {7}));
  node.put(simple_service(2, 200, {7}));
  node.put(simple_service(3, 201, {7}));
  node.put(simple_service(4, 202, {7}));
  CHECK(node.kernel.is_consistent());
  node.expire(60);
  CHECK(node.ledger.used().slots == 4);
}

TEST_CASE("steps that did not get in are undone in the book") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  auto spec = simple_service(1, 100, {2, 3});
  Plan plan;
  REQUIRE(node.ledger.plan_service(spec.desired(), true, at_s(1), plan));
  for (std::size_t done = 0; done <= plan.steps.size(); ++done) {
    Node copy(kSizes, node.kernel.tables);
    Plan again;
    REQUIRE(copy.ledger.plan_service(spec.desired(), true, at_s(1), again));
    copy.kernel.take(again, done);
    copy.ledger.commit(again, {done, E2BIG, "full"}, at_s(1));
    CHECK(copy.kernel.is_consistent());
    copy.put(spec, 2);
    CHECK(same_endpoints(copy.kernel.ask(frontend_key(100))->endpoints, spec.sets[0]));
    copy.remove(1, 3);
    copy.expire(100);
    CHECK(copy.ledger.used().slots == 0);
    CHECK(copy.ledger.used().endpoints == 0);
    CHECK(copy.kernel.tables.endpoints.empty());
  }
  node.ledger.commit(plan, {0, 0, ""}, at_s(1));
}

TEST_CASE("an in-place change that did not get in is planned again") {
  Node node;
  node.put(simple_service(1, 100, {1}));
  auto spec = simple_service(1, 100, {1});
  spec.sets[0][0].workload = 300;
  Plan plan;
  REQUIRE(node.ledger.plan_service(spec.desired(), true, at_s(1), plan));
  node.ledger.commit(plan, {0, EAGAIN, ""}, at_s(1));
  CHECK(count<PutEndpoint>(node.put(spec)) == 1);
}

TEST_CASE("a clearing that did not get in is planned again at once") {
  Node node;
  node.put(simple_service(1, 100, {1}));
  node.remove(1, 1);
  Plan plan;
  node.ledger.plan_expired(at_s(61), plan);
  REQUIRE(plan.steps.size() == 1);
  node.ledger.commit(plan, {0, EAGAIN, ""}, at_s(61));
  CHECK(count<ClearEndpoint>(node.expire(62)) == 1);
}

namespace {
using OwnerRows = std::vector<std::pair<weft_owner_key, weft_owner>>;
weft_owner_key owner_key(std::uint32_t ip) { return {abi_address(ip), 0, 0, 0}; }
}  // namespace

TEST_CASE("owners: removals come first, then changes, then new ones") {
  Node node;
  Plan plan;
  REQUIRE(node.ledger.plan_owners(OwnerRows{{owner_key(1), {256, 1, 0}}, {owner_key(2), {257, 1, 0}}}, true, plan));
  node.apply(plan, 0);
  Plan next;
  OwnerRows wanted{{owner_key(2), {258, 1, 0}}, {owner_key(3), {259, 1, 0}}};
  REQUIRE(node.ledger.plan_owners(wanted, true, next));
  CHECK(kinds(next) == std::vector<std::size_t>{6, 5, 5});
  node.apply(next, 0);
  CHECK(node.kernel.tables.owners.size() == 2);
  Plan none;
  REQUIRE(node.ledger.plan_owners(wanted, true, none));
  CHECK(none.empty());
  node.apply(none, 0);
}

TEST_CASE("owners that are gone stay until removing is allowed") {
  Node node;
  Plan plan;
  REQUIRE(node.ledger.plan_owners(OwnerRows{{owner_key(1), {256, 1, 0}}}, true, plan));
  node.apply(plan, 0);
  Plan kept;
  REQUIRE(node.ledger.plan_owners(OwnerRows{}, false, kept));
  CHECK(kept.empty());
}

TEST_CASE("a full table of owners takes what fits and says how many are missing") {
  Node node({64, 128, 64, 2, 16});
  Plan plan;
  OwnerRows wanted{{owner_key(1), {256, 1, 0}}, {owner_key(2), {257, 1, 0}}, {owner_key(3), {258, 1, 0}}};
  auto result = node.ledger.plan_owners(wanted, true, plan);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ENOSPC);
  CHECK(result.error().what.find("1 addresses") != std::string::npos);
  CHECK(result.error().what.find("datapath.maps.owners") != std::string::npos);
  CHECK(plan.steps.size() == 2);
}

TEST_CASE("only owner steps that got in are booked") {
  Node node;
  OwnerRows wanted{{owner_key(1), {256, 1, 0}}, {owner_key(2), {257, 1, 0}}};
  Plan plan;
  REQUIRE(node.ledger.plan_owners(wanted, true, plan));
  node.kernel.take(plan, 1);
  node.ledger.commit(plan, {1, E2BIG, "full"}, at_s(0));
  Plan rest;
  REQUIRE(node.ledger.plan_owners(wanted, true, rest));
  CHECK(rest.steps.size() == 1);
}

TEST_CASE("processes and settings are written when they differ") {
  Node node;
  Table<weft_process_key, std::uint32_t> processes{{{7, WEFT_PROCESS_UID, 0}, 256}};
  weft_settings settings{};
  settings.node_zone = 3;
  Plan plan;
  REQUIRE(node.ledger.plan_processes(processes, plan));
  node.ledger.plan_settings(settings, plan);
  CHECK(kinds(plan) == std::vector<std::size_t>{7, 9});
  node.apply(plan, 0);
  Plan none;
  REQUIRE(node.ledger.plan_processes(processes, none));
  node.ledger.plan_settings(settings, none);
  CHECK(none.empty());
  REQUIRE(node.ledger.plan_processes({}, none));
  CHECK(kinds(none) == std::vector<std::size_t>{8});
}

TEST_CASE("a full table of processes takes what fits and says so") {
  Node node({64, 128, 64, 16, 1});
  Plan plan;
  auto result = node.ledger.plan_processes({{{7, WEFT_PROCESS_UID, 0}, 256}, {{8, WEFT_PROCESS_UID, 0}, 257}}, plan);
  REQUIRE_FALSE(result);
  CHECK(result.error().what.find("datapath.maps.processes") != std::string::npos);
  CHECK(plan.steps.size() == 1);
}

TEST_CASE("repair puts back what drifted and takes out what nobody ordered") {
  Node node;
  node.put(simple_service(1, 100, {1, 2}));
  Plan owners;
  REQUIRE(node.ledger.plan_owners(OwnerRows{{owner_key(1), {256, 1, 0}}}, true, owners));
  node.apply(owners, 0);
  auto good = node.kernel.tables;
  node.kernel.tables.services.erase(frontend_key(100));
  node.kernel.tables.services[frontend_key(300)] = {9, 0, 1, 0, 0, 0, 0};
  node.kernel.tables.slots.begin()->second = 99;
  node.kernel.tables.endpoints.erase(1);
  node.kernel.tables.owners.clear();
  node.kernel.tables.processes[{7, WEFT_PROCESS_UID, 0}] = 300;
  node.kernel.tables.settings.node_zone = 9;
  auto plan = node.ledger.plan_repair(node.kernel.tables, at_s(1));
  node.apply(plan, 1);
  CHECK(node.kernel.is_consistent());
  CHECK_FALSE(node.kernel.ask(frontend_key(300)));
  CHECK(same_endpoints(node.kernel.ask(frontend_key(100))->endpoints, {endpoint_row(1), endpoint_row(2)}));
  CHECK(node.kernel.tables.owners.size() == good.owners.size());
  CHECK(node.kernel.tables.processes.empty());
  CHECK(node.kernel.tables.settings.node_zone == good.settings.node_zone);
  CHECK(node.ledger.plan_repair(node.kernel.tables, at_s(2)).empty());
}

TEST_CASE("a stray endpoint row is cleared after a grace and its id not given before") {
  Node node;
  node.put(simple_service(1, 100, {1}));
  node.kernel.tables.endpoints[2] = endpoint_row(55);
  node.apply(node.ledger.plan_repair(node.kernel.tables, at_s(1)), 1);
  node.put(simple_service(2, 200, {9}), 2);
  CHECK(id_of(node.kernel, 9) == 3);
  CHECK(node.expire(60).empty());
  CHECK(count<ClearEndpoint>(node.expire(61)) == 1);
}

}  // namespace weft::test
