// compile_bench [SERVICES [ENDPOINTS_PER_SERVICE]]: processor time and memory of fold → compile → plan on one core, as
// a table.
#include <fmt/core.h>
#include <malloc.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "agent/compile/compiler.hpp"
#include "agent/model/fold.hpp"
#include "agent/reconcile/ledger.hpp"

namespace weft {
namespace {

using Clock = std::chrono::steady_clock;

double heap_mib() { return static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd) / (1 << 20); }

double cpu_ms() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

// Processor time: others may use the machine as well.
template <class F>
double ms_of(F&& work) {
  auto start = cpu_ms();
  work();
  return cpu_ms() - start;
}

DesiredService desired_of(const CompiledService& service) {
  DesiredService desired{service.id, service.flags, service.affinity_timeout_s, {}, {}};
  for (const auto& set : service.sets) desired.sets.emplace_back(set.endpoints);
  for (const auto& frontend : service.frontends) desired.frontends.push_back({frontend.key, frontend.set});
  return desired;
}

Object make_service(std::uint32_t n) {
  Service service;
  service.metadata = {fmt::format("namespace-{}", n % 100), fmt::format("service-{}", n), "", {}, false};
  service.cluster_ips = {IpAddress::v4(0x0a600000 + n)};
  service.ports = {{"http", Protocol::kTcp, 80, 8080, "", 0, ""}};
  return std::make_shared<const Service>(service);
}

Object make_slice(std::uint32_t n, std::uint32_t endpoints, std::uint32_t shift) {
  EndpointSlice slice;
  slice.metadata = {fmt::format("namespace-{}", n % 100), fmt::format("service-{}-x", n), "", {}, false};
  slice.service = fmt::format("service-{}", n);
  slice.ports = {{"http", 8080, Protocol::kTcp, ""}};
  for (std::uint32_t i = 0; i < endpoints; ++i) {
    EndpointSlice::Endpoint endpoint;
    endpoint.addresses = {IpAddress::v4(0x0b000000 + n * endpoints + i + shift)};
    endpoint.node = fmt::format("node-{}", i % 50);
    endpoint.zone = fmt::format("zone-{}", i % 3);
    slice.endpoints.push_back(endpoint);
  }
  return std::make_shared<const EndpointSlice>(slice);
}

Object make_pod(std::uint32_t n) {
  Pod pod;
  pod.metadata = {fmt::format("namespace-{}", n % 100), fmt::format("pod-{}", n), "", {{"app", "x"}}, false};
  pod.owner = fmt::format("workload-{}", n % 1000);
  pod.node = fmt::format("node-{}", n % 50);
  pod.addresses = {IpAddress::v4(0x0c000000 + n)};
  pod.running = pod.ready = true;
  return std::make_shared<const Pod>(pod);
}

Event said(Object object) { return {ObjectChanged{"files", "f:1", std::move(object)}, {}}; }

class Bench {
 public:
  Bench(std::uint32_t services, std::uint32_t endpoints)
      : services_(services), endpoints_(endpoints), compiler_(Names{}) {
    TableSizes sizes{2 * services + 64, 8 * services * endpoints + 64, 2 * services * endpoints + 64, 400000, 64};
    ledger_ = std::make_unique<Ledger>(sizes, Tables{}, Clock::now());
  }

  void run() {
    std::vector<Event> events;
    for (std::uint32_t n = 0; n < services_; ++n) {
      events.push_back(said(make_service(n)));
      events.push_back(said(make_slice(n, endpoints_, 0)));
    }
    Folded folded;
    report("fold everything", ms_of([&] { folded = fold_.apply(events); }));
    auto before = heap_mib();
    report("compile everything", ms_of([&] { result_ = compiler_.compile(folded.snapshot, folded.changes, facts_); }));
    fmt::print("{:<44}{:>10.1f} MiB\n", "memory of compiler and compiled", heap_mib() - before);
    before = heap_mib();
    Plan plan;
    report("plan everything", ms_of([&] { plan_changed(plan); }));
    report("commit it", ms_of([&] { ledger_->commit(plan, {plan.steps.size(), 0, ""}, Clock::now()); }));
    plan = {};
    fmt::print("{:<44}{:>10.1f} MiB\n", "memory of the ledger", heap_mib() - before);
    one_change();
    pods();
  }

 private:
  void report(const char* what, double ms) { fmt::print("{:<44}{:>10.3f} ms\n", what, ms); }

  void plan_changed(Plan& plan) {
    for (const auto& name : result_.changed_services) {
      auto planned =
          ledger_->plan_service(desired_of(**result_.compiled->services.find(name)), true, Clock::now(), plan);
      if (!planned) fmt::print("{}\n", planned.error().what), std::exit(1);
    }
  }

  void one_change() {
    std::vector<double> fold_ms, compile_ms, plan_ms;
    for (std::uint32_t i = 0; i < 1001; ++i) {
      std::vector<Event> events{said(make_slice(i * 7919 % services_, endpoints_, 1))};
      Folded folded;
      fold_ms.push_back(ms_of([&] { folded = fold_.apply(events); }));
      compile_ms.push_back(ms_of([&] { result_ = compiler_.compile(folded.snapshot, folded.changes, facts_); }));
      Plan plan;
      plan_ms.push_back(ms_of([&] {
        plan_changed(plan);
        ledger_->commit(plan, {plan.steps.size(), 0, ""}, Clock::now());
      }));
    }
    report("one changed slice, median: fold", median(fold_ms));
    report("one changed slice, median: compile", median(compile_ms));
    report("one changed slice, median: plan and commit", median(plan_ms));
  }

  void pods() {
    std::vector<Event> events;
    for (std::uint32_t n = 0; n < 100000; ++n) events.push_back(said(make_pod(n)));
    fold_and_compile(events);
    std::vector<Event> one{said(make_pod(100001))};
    auto folded = fold_.apply(one);
    report("one more pod at 100,000: compile owners",
           ms_of([&] { result_ = compiler_.compile(folded.snapshot, folded.changes, facts_); }));
    Plan plan;
    report("one more pod at 100,000: plan owners",
           ms_of([&] { (void)ledger_->plan_owners(*result_.compiled->owners, true, plan); }));
    report("its commit", ms_of([&] { ledger_->commit(plan, {plan.steps.size(), 0, ""}, Clock::now()); }));
  }

  void fold_and_compile(const std::vector<Event>& events) {
    auto folded = fold_.apply(events);
    result_ = compiler_.compile(folded.snapshot, folded.changes, facts_);
    Plan plan;
    (void)ledger_->plan_owners(*result_.compiled->owners, true, plan);
    ledger_->commit(plan, {plan.steps.size(), 0, ""}, Clock::now());
  }

  static double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    return values[values.size() / 2];
  }

  std::uint32_t services_;
  std::uint32_t endpoints_;
  Fold fold_;
  Compiler compiler_;
  NodeFacts facts_{"node-0", "zone-0", "", {IpAddress::v4(0xc0a80001)}};
  CompileResult result_;
  std::unique_ptr<Ledger> ledger_;
};

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  auto number = [&](int index, int otherwise) {
    return static_cast<std::uint32_t>(argc > index ? std::atoi(argv[index]) : otherwise);
  };
  weft::Bench(std::max(number(1, 10000), 1u), number(2, 10)).run();
}
