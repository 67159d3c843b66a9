// The filters of clsact, which kernels before 6.6 need, on a kernel that has tcx, too: in a network namespace of its
// own.
#include "agent/kernel/pod_filters.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <sched.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <future>
#include <thread>

#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"
#include "test/kernel/fixture.hpp"

namespace weft::test {
namespace {

std::unique_ptr<BpfObject> load(const PinDirectory& pins) {
  DatapathOptions options;
  options.bpffs = pins.path();
  auto object = std::make_unique<BpfObject>(BpfObject::load(options, {}).value());
  REQUIRE(object->stage_pins());
  REQUIRE(object->settle_pins());
  return object;
}

struct Place {
  const PinDirectory& pins;
  std::unique_ptr<BpfObject> object;
  std::uint32_t interface;
};

// Runs `body` in a thread that has a network namespace with the veth pair v0, v1, with programs that are pinned.
template <class F>
void in_own_namespace(F&& body) {
  PinDirectory pins;
  REQUIRE(open_pin_directory(pins.path()));
  auto done = std::async(std::launch::async, [&] {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    REQUIRE(std::system("ip link add v0 type veth peer name v1") == 0);
    body(Place{pins, load(pins), ::if_nametoindex("v0")});
  });
  done.get();
}

// Filters of these programs, on the interface unless `attach` is false.
PodFilters filters_at(const Place& place, bool attach = true) {
  auto hooks = PodFilters::adopt(place.pins.path()).value();
  REQUIRE(hooks.swap(*place.object));
  if (attach) REQUIRE(hooks.attach(place.interface));
  return hooks;
}

void attach_foreign(std::uint32_t interface, int program) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(interface);
  hook.attach_point = BPF_TC_INGRESS;
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .handle = 5, .priority = 1);
  REQUIRE(::bpf_tc_attach(&hook, &options) == 0);
}

Fd foreign_program() {
  const bpf_insn pass[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return Fd(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "foreign", "GPL", pass, std::size(pass), nullptr));
}

bool has_qdisc() { return std::system("tc qdisc show dev v0 | grep -q clsact") == 0; }

}  // namespace

TEST_CASE("filters outlive their agent, are swapped in place, and leave no qdisc behind") {
  in_own_namespace([](const Place& place) {
    auto interface = place.interface;
    {
      auto hooks = filters_at(place, false);
      CHECK_FALSE(hooks.has(interface));
      CHECK(hooks.attach(interface).value());
      CHECK_FALSE(hooks.attach(interface).value());
      for (const auto& hook : kPodHooks) CHECK(hooks.audit(interface, hook).attached);
    }
    auto next = load(place.pins);
    auto hooks = PodFilters::adopt(place.pins.path()).value();
    CHECK(hooks.has(interface));
    CHECK_FALSE(hooks.live_maps().empty());
    REQUIRE(hooks.swap(*next));
    for (const auto& hook : kPodHooks) CHECK(hooks.audit(interface, hook).attached);
    CHECK_FALSE(hooks.attach(interface).value());
    hooks.detach(interface);
    CHECK(hooks.interfaces().empty());
    CHECK_FALSE(has_qdisc());
  });
}

TEST_CASE("a filter of somebody else in front of ours is told, and ours goes before it again") {
  in_own_namespace([](const Place& place) {
    auto interface = place.interface;
    auto hooks = filters_at(place);
    auto foreign = foreign_program();
    REQUIRE(foreign);
    attach_foreign(interface, foreign.get());
    auto state = hooks.audit(interface, kPodHooks[0]);
    CHECK(state.before.size() == 1);
    CHECK(hooks.attach(interface).value());
    state = hooks.audit(interface, kPodHooks[0]);
    CHECK(state.attached);
    CHECK(state.before.empty());
    CHECK(state.behind.size() == 1);
    hooks.detach(interface);
    CHECK(has_qdisc());  // it still holds the other's filter
  });
}

TEST_CASE("cleanup without an agent finds the filters by the pinned programs") {
  in_own_namespace([](const Place& place) {
    auto interface = place.interface;
    auto hooks = filters_at(place);
    CHECK(remove_pod_filters(place.pins.path(), true).value().size() == 2);
    CHECK(hooks.audit(interface, kPodHooks[0]).attached);
    CHECK(remove_pod_filters(place.pins.path(), false).value().size() == 2);
    CHECK_FALSE(hooks.audit(interface, kPodHooks[0]).attached);
    CHECK_FALSE(has_qdisc());
  });
}

}  // namespace weft::test
