// Random services, random outcomes, kills and drift against the rules that a ledger must keep.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <map>
#include <random>
#include <set>

#include "test/reconcile/fake_kernel.hpp"

namespace weft::test {
namespace {

constexpr TableSizes kSizes{40, 160, 48, 64, 64};

std::uint64_t seed_of_run() {
  if (const char* given = std::getenv("WEFT_SEED")) return std::strtoull(given, nullptr, 10);
  return std::random_device{}();
}

class World {
 public:
  explicit World(std::uint64_t seed) : random_(seed), ledger_(std::make_unique<Ledger>(kSizes, Tables{}, now())) {}

  void run(int steps) {
    for (int i = 0; i < steps; ++i) {
      now_s_ += pick(3) == 0 ? pick(40) : 0;
      switch (pick(12)) {
        case 0:
          expire();
          break;
        case 1:
          restart();
          break;
        case 2:
          drift_and_repair();
          break;
        default:
          change_services();
          break;
      }
    }
    settle();
    remove_everything();
  }

 private:
  using Frontends = std::map<weft_service_key, Answer, ByteLess<weft_service_key>>;

  std::uint32_t pick(std::uint32_t below) {
    return std::uniform_int_distribution<std::uint32_t>(0, below - 1)(random_);
  }
  Ledger::Clock::time_point now() const { return at_s(now_s_); }

  // Zone and workload follow from the address and the epoch: all services agree about an endpoint.
  weft_endpoint endpoint(std::uint32_t ip) { return endpoint_row(ip, 256 + ip % 5 + epoch_ / 8, 1); }

  ServiceSpec random_service(std::uint32_t id) {
    ServiceSpec spec;
    spec.service = id;
    spec.sets.resize(1 + pick(3));
    for (auto& set : spec.sets)
      for (std::uint32_t ip = 1; ip <= 30; ++ip)
        if (pick(8) == 0) set.push_back(endpoint(ip));
    for (std::uint32_t i = 0, n = pick(5); i < n; ++i)
      spec.frontends.push_back({frontend_key(1000 + id * 10 + i),
                                static_cast<std::uint16_t>(pick(static_cast<std::uint32_t>(spec.sets.size())))});
    if (pick(6) == 0) spec.frontends.push_back({frontend_key(1), 0});  // goes from service to service
    return spec;
  }

  Frontends frontends() const {
    Frontends all;
    for (const auto& [key, row] : kernel_.tables.services) all.emplace(key, *kernel_.ask(key));
    return all;
  }

  void change_services() {
    epoch_ += pick(10) == 0 ? 1 : 0;
    Plan plan;
    std::map<std::uint32_t, ServiceSpec> planned;
    for (std::uint32_t i = 0, n = 1 + pick(3); i < n; ++i) {
      auto id = 1 + pick(8);
      if (planned.contains(id)) continue;
      if (pick(5) == 0) {
        REQUIRE(ledger_->plan_service_removal(id, now(), plan));
        planned[id] = ServiceSpec{id, {}, {}, 0, 0};
        continue;
      }
      auto spec = random_service(id);
      auto before = plan.steps.size();
      if (ledger_->plan_service(spec.desired(), true, now(), plan))
        planned[id] = spec;
      else
        REQUIRE(plan.steps.size() == before);
    }
    auto done = pick(3) == 0 ? pick(static_cast<std::uint32_t>(plan.steps.size()) + 1) : plan.steps.size();
    apply(plan, done);
    if (done == plan.steps.size())
      for (const auto& [id, spec] : planned) check_service(spec);
  }

  // Applies and checks every prefix: nothing dangles, each frontend is what it was or what it will be.
  void apply(const Plan& plan, std::size_t done) {
    auto old = frontends();
    FakeKernel whole = kernel_;
    whole.take(plan, plan.steps.size());
    for (std::size_t i = 0; i < done; ++i) {
      kernel_.take(plan.steps[i]);
      REQUIRE(kernel_.is_consistent());
      check_old_or_new(old, whole);
    }
    ledger_->commit(plan, {done, done == plan.steps.size() ? 0 : EAGAIN, ""}, now());
    REQUIRE(kernel_.is_consistent());
    REQUIRE(ledger_->used().services == kernel_.tables.services.size());
  }

  void check_old_or_new(const Frontends& old, const FakeKernel& whole) const {
    for (const auto& [key, answer] : frontends()) {
      if (same_bytes(key, frontend_key(1))) continue;  // services of one plan hand it on
      auto was = old.find(key);
      auto will = whole.ask(key);
      bool is_old = was != old.end() && same_bytes(was->second.row, answer.row);
      bool is_new = will && same_bytes(will->row, answer.row);
      REQUIRE((is_old || is_new));
      REQUIRE(same_places(answer.endpoints, is_old ? was->second.endpoints : will->endpoints));
    }
  }

  void check_service(const ServiceSpec& spec) const {
    for (const auto& [key, set] : spec.frontends) {
      auto answer = kernel_.ask(key);
      bool is_contested = same_bytes(key, frontend_key(1));  // a later service of the plan may have taken and left it
      if (is_contested && (!answer || answer->row.service != spec.service)) continue;
      REQUIRE(answer);
      REQUIRE(same_places(answer->endpoints, spec.sets[set]));
    }
  }

  void expire() {
    now_s_ += pick(80);
    Plan plan;
    ledger_->plan_expired(now(), plan);
    apply(plan, pick(3) == 0 ? pick(static_cast<std::uint32_t>(plan.steps.size()) + 1) : plan.steps.size());
  }

  // SIGKILL: what was planned and not applied is forgotten, the maps stay.
  void restart() {
    Plan plan;
    auto spec = random_service(1 + pick(8));
    (void)ledger_->plan_service(spec.desired(), true, now(), plan);
    kernel_.take(plan, pick(static_cast<std::uint32_t>(plan.steps.size()) + 1));
    auto before = kernel_.tables;
    ledger_ = std::make_unique<Ledger>(kSizes, kernel_.tables, now());
    for (auto id : ledger_->services()) replan_as_is(id);
    REQUIRE(before.services.size() == kernel_.tables.services.size());
  }

  // What the maps say is what is wanted: no step.
  void replan_as_is(std::uint32_t id) {
    ServiceSpec spec;
    spec.service = id;
    for (const auto& [key, answer] : frontends()) {
      if (answer.row.service != id) continue;
      spec.frontends.push_back({key, static_cast<std::uint16_t>(spec.sets.size())});
      spec.sets.push_back(answer.endpoints);
    }
    Plan plan;
    REQUIRE(ledger_->plan_service(spec.desired(), true, now(), plan));
    REQUIRE(plan.empty());
    ledger_->commit(plan, {}, now());
  }

  void drift_and_repair() {
    auto good = frontends();
    for (std::uint32_t i = 0, n = 1 + pick(6); i < n; ++i) drift();
    auto plan = ledger_->plan_repair(kernel_.tables, now());
    kernel_.take(plan, plan.steps.size());
    ledger_->commit(plan, {plan.steps.size(), 0, ""}, now());
    REQUIRE(kernel_.is_consistent());
    auto repaired = frontends();
    REQUIRE(repaired.size() == good.size());
    for (const auto& [key, answer] : good) {
      REQUIRE(repaired.contains(key));
      REQUIRE(same_bytes(repaired.at(key).row, answer.row));
      REQUIRE(same_endpoints(repaired.at(key).endpoints, answer.endpoints));
    }
    auto nothing = ledger_->plan_repair(kernel_.tables, now());
    REQUIRE(nothing.empty());
    ledger_->commit(nothing, {}, now());
  }

  void drift() {
    auto& tables = kernel_.tables;
    auto any = [this](auto& table) { return std::next(table.begin(), pick(static_cast<std::uint32_t>(table.size()))); };
    switch (pick(7)) {
      case 0:
        if (!tables.services.empty()) tables.services.erase(any(tables.services));
        break;
      case 1:
        if (!tables.services.empty()) any(tables.services)->second.slot_count = pick(200);
        break;
      case 2:
        tables.services[frontend_key(5000 + pick(5))] = {77, pick(160), pick(9), 0, 0, 0, 0};
        break;
      case 3:
        if (!tables.slots.empty()) any(tables.slots)->second = pick(48);
        break;
      case 4:
        if (!tables.endpoints.empty()) tables.endpoints.erase(any(tables.endpoints));
        break;
      case 5:
        if (!tables.endpoints.empty()) any(tables.endpoints)->second.address = abi_address(pick(1000));
        break;
      case 6:
        tables.endpoints[1 + pick(47)] = endpoint_row(2000 + pick(9));
        break;
    }
  }

  // Partial outcomes must not keep the wanted state from being reached.
  void settle() {
    now_s_ += 100;
    expire_all();
    for (std::uint32_t id = 1; id <= 8; ++id) {
      auto spec = simple_service(id, 1000 + id * 10, {id, id + 1});
      Plan plan;
      REQUIRE(ledger_->plan_service(spec.desired(), true, now(), plan));
      apply(plan, plan.steps.size());
      REQUIRE(same_endpoints(kernel_.ask(frontend_key(1000 + id * 10))->endpoints, spec.sets[0]));
    }
  }

  void expire_all() {
    Plan plan;
    ledger_->plan_expired(now(), plan);
    apply(plan, plan.steps.size());
  }

  void remove_everything() {
    Plan plan;
    for (auto id : ledger_->services()) REQUIRE(ledger_->plan_service_removal(id, now(), plan));
    apply(plan, plan.steps.size());
    now_s_ += 61;
    expire_all();
    auto used = ledger_->used();
    REQUIRE(used.services == 0);
    REQUIRE(used.slots == 0);
    REQUIRE(used.endpoints == 0);
    REQUIRE(kernel_.tables.endpoints.empty());
    REQUIRE(kernel_.tables.services.empty());
  }

  std::mt19937_64 random_;
  long now_s_ = 0;
  std::uint32_t epoch_ = 0;
  FakeKernel kernel_;
  std::unique_ptr<Ledger> ledger_;
};

}  // namespace

TEST_CASE("random changes, kills, partial outcomes and drift keep the maps consistent and leak nothing") {
  auto seed = seed_of_run();
  for (std::uint64_t i = 0; i < 400; ++i) {
    INFO("WEFT_SEED=" << seed + i);
    World(seed + i).run(40);
  }
}

}  // namespace weft::test
