/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Every pinned map and its layout. A pin is named maps/<name>_v<layout>. Raise the layout when the meaning or the size
 * of key or value changes, and say in agent/kernel/migrate.cpp how old entries become new ones.
 *
 * WEFT_LAYOUT_STEP shifts all layouts: the upgrade test builds a second agent with it to prove a change of layout.
 */
#ifndef WEFT_ABI_MAPS_H
#define WEFT_ABI_MAPS_H

#include "weft/abi/types.h"

#ifndef WEFT_LAYOUT_STEP
#define WEFT_LAYOUT_STEP 0
#endif

/* X(name, layout, kind): AGENT maps are written from the objects, KERNEL maps hold what the programs counted, CACHE maps what
 * they learnt and may forget; all are copied to a new layout, KERNEL maps once more right before the swap, edges last. SOCKET maps cannot be copied: their layout stays, additions use their reserved bytes. */
#define WEFT_PINNED_MAPS(X)                                                                                            \
	X(weft_services, 1, AGENT)                                                                                     \
	X(weft_slots, 1, AGENT)                                                                                        \
	X(weft_endpoints, 1, AGENT)                                                                                    \
	X(weft_owners, 1, AGENT)                                                                                       \
	X(weft_processes, 1, AGENT)                                                                                    \
	X(weft_settings, 1, AGENT)                                                                                     \
	X(weft_peers, 1, AGENT)                                                                                        \
	X(weft_networks, 1, AGENT)                                                                                     \
	X(weft_subjects, 1, AGENT)                                                                                     \
	X(weft_policy, 1, AGENT)                                                                                       \
	X(weft_policy_state, 1, AGENT)                                                                                 \
	X(weft_interfaces, 1, AGENT)                                                                                   \
	X(weft_sources, 1, AGENT)                                                                                      \
	X(weft_denied_addresses, 1, AGENT)                                                                             \
	X(weft_denied_networks, 1, AGENT)                                                                              \
	X(weft_deny_sizes, 1, AGENT)                                                                                   \
	X(weft_affinity, 1, CACHE)                                                                                     \
	X(weft_replies, 1, CACHE)                                                                                      \
	X(weft_syns, 1, CACHE)                                                                                         \
	X(weft_tuples, 1, CACHE)                                                                                       \
	X(weft_netns, 1, CACHE)                                                                                        \
	X(weft_counters, 1, KERNEL)                                                                                    \
	X(weft_drops, 1, KERNEL)                                                                                       \
	X(weft_verdicts, 1, KERNEL)                                                                                    \
	X(weft_denial_hits, 1, KERNEL)                                                                                 \
	X(weft_helper_errors, 1, KERNEL)                                                                               \
	X(weft_connections, 2, KERNEL)                                                                                 \
	X(weft_udp_flows, 1, KERNEL)                                                                                   \
	X(weft_edges, 1, KERNEL)                                                                                       \
	X(weft_sockets, 1, SOCKET)                                                                                     \
	X(weft_udp_sockets, 1, SOCKET)                                                                                 \
	X(weft_events, 2, RING)

/* Fixed for the life of a loaded program. */
struct weft_config {
	__u64 host_netns;	       /* cookie of the agent's network namespace */
	__u16 refuse_without_endpoint; /* 1: connect() fails with ECONNREFUSED */
	__u16 account_flows;
	__u16 silent_resets; /* 1: denied TCP segments vanish; 0: a reset answers */
	__u16 silent_errors; /* 1: other denied packets vanish; 0: an ICMP error answers */
};
WEFT_ABI_SIZE(struct weft_config, 16);

/* The one entry of weft_settings: what may change while the programs run. */
struct weft_settings {
	__u16 node_zone;      /* numeric name, 0 = unknown */
	__u16 process_owners; /* 1: weft_processes has entries, look them up at connect() */
	__u16 reserved[2];
};
WEFT_ABI_SIZE(struct weft_settings, 8);

#endif
