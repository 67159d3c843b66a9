// The programs of pods, loaded, with a small world of pods and policies in their tables, for test runs.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "agent/app/policy_controller.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"
#include "test/compile/policy_world.hpp"
#include "test/kernel/fixture.hpp"
#include "test/kernel/packet.hpp"
#include "weft/abi/pod.h"

namespace weft::test {

inline constexpr int kPass = -1, kDrop = 2, kAnswer = 7 /* TC_ACT_REDIRECT */;
inline constexpr int kNoReason = -1;
inline constexpr std::uint32_t kInterface = 1;
inline constexpr std::int32_t kOwnNamespace = -1;  // BPF_F_CURRENT_NETNS

// web serves 80/TCP and 53/UDP to client; it may call client at 8080/TCP and 5000/UDP. free is under no policy.
inline constexpr const char* kManifests = R"(
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Node
metadata: {name: node-a}
status: {addresses: [{type: InternalIP, address: 192.0.2.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {nodeName: node-a, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.1, podIPs: [{ip: 10.1.0.1}, {ip: "fd00::1"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: client, namespace: shop, labels: {app: client}}
spec: {nodeName: node-b, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.2, podIPs: [{ip: 10.1.0.2}, {ip: "fd00::2"}]}
---
apiVersion: v1
kind: Pod
metadata: {name: free, namespace: shop, labels: {app: free}}
spec: {nodeName: node-a, containers: [{name: c}]}
status: {phase: Running, podIP: 10.1.0.9, podIPs: [{ip: 10.1.0.9}, {ip: "fd00::9"}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress, Egress]
  ingress:
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: 80}, {port: 53, protocol: UDP}, {port: 7, protocol: SCTP}]
  egress:
  - to: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: 8080}, {port: 5000, protocol: UDP}]
)";

class PodWorld {
 public:
  PodWorld() {
    REQUIRE(open_pin_directory(pins_.path()));
    DatapathOptions options;
    options.bpffs = pins_.path();
    object_ = std::make_unique<BpfObject>(BpfObject::load(options, {}).value());
    world_.facts.addresses = {IpAddress::parse("192.0.2.1").value()};
    world_.put_yaml(kManifests);
    for (const auto& said : world_.diagnostics)
      UNSCOPED_INFO(said.object.text() << " " << said.field << ": " << said.reason);
    REQUIRE(world_.diagnostics.empty());
    world_.compile();
    KernelPolicyTables tables(*object_);
    PolicyBook book(tables.sizes().value(), {});
    PolicyPlan plan;
    REQUIRE(book.plan(desired_policy(*world_.tables), plan));
    REQUIRE(tables.apply(plan).code == 0);
    for (const char* own : {"10.1.0.1", "fd00::1", "10.1.0.9", "fd00::9"}) give_source(own);
    weft_interface interface{kOwnNamespace, 0};
    REQUIRE(Map<std::uint32_t, weft_interface>(object_->map_fd("weft_interfaces")).put(kInterface, interface));
  }

  int run(weft_direction direction, const Packet& packet, std::uint32_t ingress_interface = 0) {
    auto in = packet.bytes();
    out.assign(in.size() + 256, 0);
    __sk_buff context{};
    context.ifindex = kInterface;
    context.ingress_ifindex = ingress_interface;
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.data(), .data_out = out.data(),
                .data_size_in = static_cast<__u32>(in.size()), .data_size_out = static_cast<__u32>(out.size()),
                .ctx_in = &context, .ctx_size_in = sizeof context);
    REQUIRE(::bpf_prog_test_run_opts(
                object_->program_fd(direction == WEFT_EGRESS ? "weft_pod_egress" : "weft_pod_ingress"), &options) == 0);
    out.resize(options.data_size_out);
    return static_cast<int>(options.retval);
  }
  std::array<std::uint64_t, WEFT_DROP_COUNT> drops() {
    std::array<std::uint64_t, WEFT_DROP_COUNT> sums{};
    PerCpuMap<std::uint32_t, std::uint64_t> map(object_->map_fd("weft_drops"), possible_cpus().value());
    for (std::uint32_t i = 0; i < sums.size(); ++i)
      for (auto part : map.get(i)) sums[i] += part;
    return sums;
  }
  std::vector<std::uint8_t> out;  // the packet after the last run

  // Errors are paced by sender and port; here each case stands for itself.
  void forget_answers() {
    Map<weft_reply_key, std::uint64_t> told(object_->map_fd("weft_told"));
    std::vector<weft_reply_key> keys;
    REQUIRE(told.for_each([&](const weft_reply_key& key, std::uint64_t) { keys.push_back(key); }));
    for (const auto& key : keys) REQUIRE(told.erase(key));
  }

 private:
  void give_source(const char* address) {
    weft_source_key key{kInterface, raw_address(address)};
    REQUIRE(Map<weft_source_key, std::uint32_t>(object_->map_fd("weft_sources")).put(key, 1));
  }
  PinDirectory pins_;
  PolicyWorld world_;
  std::unique_ptr<BpfObject> object_;
};

}  // namespace weft::test
