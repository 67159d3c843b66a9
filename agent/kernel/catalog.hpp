// The programs and maps of the datapath by name: what is attached where, which maps are pinned under which layout.
#pragma once

#include <bpf/bpf.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "weft/abi/maps.h"

namespace weft {

// Balancing is all or nothing, and so are flows: a half of either would lie.
enum class Feature : std::uint8_t { kBalancing, kFlows };

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
