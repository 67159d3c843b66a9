// The programs and maps of the datapath by name: what is attached where, which maps are pinned under which layout.
#pragma once

#include <bpf/bpf.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "weft/abi/maps.h"

namespace weft {

// Each is all or nothing: a half of balancing or of flows would lie, and a pod whose packets are judged one way only is
// not under policy.
enum class Feature : std::uint8_t { kBalancing, kFlows, kPolicy, kDenyList };

struct Hook {
  std::string_view name;     // of the link pin, in status and metrics
  std::string_view program;  // in the object
  bpf_attach_type type;
  Feature feature;
};

// In the order of attaching: replies are translated before anything is balanced.
inline constexpr std::array<Hook, 12> kHooks{{
    {"recvmsg4", "weft_recvmsg4", BPF_CGROUP_UDP4_RECVMSG, Feature::kBalancing},
    {"recvmsg6", "weft_recvmsg6", BPF_CGROUP_UDP6_RECVMSG, Feature::kBalancing},
    {"getpeername4", "weft_getpeername4", BPF_CGROUP_INET4_GETPEERNAME, Feature::kBalancing},
    {"getpeername6", "weft_getpeername6", BPF_CGROUP_INET6_GETPEERNAME, Feature::kBalancing},
    {"sock_release", "weft_sock_release", BPF_CGROUP_INET_SOCK_RELEASE, Feature::kFlows},
    {"skb_egress", "weft_skb_egress", BPF_CGROUP_INET_EGRESS, Feature::kFlows},
    {"skb_ingress", "weft_skb_ingress", BPF_CGROUP_INET_INGRESS, Feature::kFlows},
    {"sockops", "weft_sockops", BPF_CGROUP_SOCK_OPS, Feature::kFlows},
    {"sendmsg4", "weft_sendmsg4", BPF_CGROUP_UDP4_SENDMSG, Feature::kBalancing},
    {"sendmsg6", "weft_sendmsg6", BPF_CGROUP_UDP6_SENDMSG, Feature::kBalancing},
    {"connect4", "weft_connect4", BPF_CGROUP_INET4_CONNECT, Feature::kBalancing},
    {"connect6", "weft_connect6", BPF_CGROUP_INET6_CONNECT, Feature::kBalancing},
}};

// Values of enum bpf_attach_type that this libbpf does not know yet (Linux 6.6).
inline constexpr auto kTcxIngress = static_cast<bpf_attach_type>(46);
inline constexpr auto kTcxEgress = static_cast<bpf_attach_type>(47);

// Of every interface of a pod, on its host side: what enters there has left the pod.
inline constexpr std::array<Hook, 2> kPodHooks{{
    {"pod_egress", "weft_pod_egress", kTcxIngress, Feature::kPolicy},
    {"pod_ingress", "weft_pod_ingress", kTcxEgress, Feature::kPolicy},
}};

// Of every uplink one of the two: the second where somebody else's XDP program is.
inline constexpr std::array<Hook, 2> kUplinkHooks{{
    {"uplink_xdp", "weft_uplink_xdp", BPF_XDP, Feature::kDenyList},
    {"uplink_tc", "weft_uplink_tc", kTcxIngress, Feature::kDenyList},
}};

// Everything that is loaded, also what only the agent runs.
struct Program {
  std::string_view name;    // in probes
  std::string_view symbol;  // in the object
  Feature feature;
};

inline constexpr std::array kAgentPrograms{
    Program{"close_idle", "weft_close_idle", Feature::kFlows},
    Program{"explain", "weft_explain", Feature::kPolicy},
};

inline constexpr auto kPrograms = [] {
  std::array<Program, kHooks.size() + kPodHooks.size() + kUplinkHooks.size() + kAgentPrograms.size()> all{};
  std::size_t next = 0;
  for (const auto& hook : kHooks) all[next++] = {hook.name, hook.program, hook.feature};
  for (const auto& hook : kPodHooks) all[next++] = {hook.name, hook.program, hook.feature};
  for (const auto& hook : kUplinkHooks) all[next++] = {hook.name, hook.program, hook.feature};
  for (const auto& program : kAgentPrograms) all[next++] = program;
  return all;
}();

enum class MapKind : std::uint8_t { AGENT, KERNEL, CACHE, SOCKET, RING };

struct PinnedMap {
  std::string_view name;
  unsigned layout;
  MapKind kind;

  std::string pin_name() const;  // file name below maps/: "<name>_v<layout>"
};

inline constexpr auto kPinnedMaps = std::to_array<PinnedMap>({
#define WEFT_X_PINNED(name, layout, kind) {#name, layout, MapKind::kind},
    WEFT_PINNED_MAPS(WEFT_X_PINNED)
#undef WEFT_X_PINNED
});

}  // namespace weft
