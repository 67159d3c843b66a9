/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Every map, once. __weak lets each program file include this header and the linker merge them. Sizes are those of a
 * small node; the agent sets the configured ones before it loads (datapath.maps).
 */
#ifndef WEFT_MAPS_H
#define WEFT_MAPS_H

#include "lib/kernel.h"
#include "weft/abi/deny.h"
#include "weft/abi/flow.h"
#include "weft/abi/maps.h"
#include "weft/abi/pod.h"
#include "weft/abi/policy.h"
#include "weft/abi/service.h"
#include "weft/abi/socket.h"

/* Fixed per load, set by the agent before it loads. */
__weak const volatile struct weft_config weft_config = {};

/* Frontends. Written by the agent; read at connect() and sendmsg(). Not preallocated: most nodes have few. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct weft_service_key);
	__type(value, struct weft_service);
} weft_services __weak SEC(".maps");

/* Endpoint ids in contiguous ranges, one per set of endpoints. Twice the endpoints, so that a new range fits beside the old. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, __u32);
} weft_slots __weak SEC(".maps");

/* Endpoints by id. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct weft_endpoint);
} weft_endpoints __weak SEC(".maps");

/* Who owns an address. Written by the agent; read once per connection. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct weft_owner_key);
	__type(value, struct weft_owner);
} weft_owners __weak SEC(".maps");

/* Which workload a cgroup or user belongs to. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, struct weft_process_key);
	__type(value, __u32);
} weft_processes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_settings);
} weft_settings __weak SEC(".maps");

/* Policy: who has an address, which ipBlocks hold it, what a subject's rows say. Written by the agent; read for packets of
 * pods under policy. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct weft_peer_key);
	__type(value, struct weft_peer);
} weft_peers __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct weft_network_key);
	__type(value, struct weft_network);
} weft_networks __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct weft_subject);
} weft_subjects __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 262144);
	__type(key, struct weft_policy_key);
	__type(value, struct weft_policy);
} weft_policy __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_policy_state);
} weft_policy_state __weak SEC(".maps");

/* Interfaces of local pods and what they may send from. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct weft_interface);
} weft_interfaces __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct weft_source_key);
	__type(value, __u32); /* unused */
} weft_sources __weak SEC(".maps");

/* The deny list. Written by the agent; read for packets that arrive on uplinks. Not preallocated: usually empty. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072);
	__type(key, struct weft_address);
	__type(value, struct weft_denial);
} weft_denied_addresses __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct weft_network_key);
	__type(value, struct weft_denial);
} weft_denied_networks __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_deny_sizes);
} weft_deny_sizes __weak SEC(".maps");

/* Written by programs, an entry at its first hit; the agent removes it with its denial. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 147456); /* all addresses and networks */
	__type(key, __u32);
	__type(value, struct weft_denial_hits);
} weft_denial_hits __weak SEC(".maps");

/* LRU: a conversation that is forgotten is decided again by policy. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct weft_reply_key);
	__type(value, struct weft_reply);
} weft_replies __weak SEC(".maps");

/* An entry matters for the milliseconds between the fragments of a datagram, so it is not pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct weft_fragment_key);
	__type(value, struct weft_fragment);
} weft_fragments __weak SEC(".maps");

/* Denials that were told lately, by who talks to whom: keeps a flood of them from filling the ring. Not pinned. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct weft_reply_key);
	__type(value, __u64); /* CLOCK_MONOTONIC, coarse */
} weft_told __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEFT_DROP_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} weft_drops __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct weft_verdict_key);
	__type(value, struct weft_verdict_count);
} weft_verdicts __weak SEC(".maps");

/* Session affinity. LRU: a client that was away for long is chosen for anew, which is the worst that can happen. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct weft_affinity_key);
	__type(value, struct weft_affinity);
} weft_affinity __weak SEC(".maps");

/* Flow counters. Written by programs in place; the agent reads them and deletes idle rows. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 16384);
	__type(key, struct weft_edge_key);
	__type(value, struct weft_edge);
} weft_edges __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEFT_COUNTER_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} weft_counters __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 256); /* helpers × errno values seen */
	__type(key, struct weft_helper_error_key);
	__type(value, __u64);
} weft_helper_errors __weak SEC(".maps");

/* Open TCP connections by socket cookie, for people who ask; nothing decides by it. The agent adds those that it still
 * finds open when it reads their record, so that short ones cost nothing; programs write their bytes and remove them. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct weft_flow_event);
} weft_connections __weak SEC(".maps");

/* Live UDP conversations. Written by programs; the agent closes idle ones. Full: counted on edges, no record. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct weft_udp_flow_key);
	__type(value, struct weft_udp_flow);
} weft_udp_flows __weak SEC(".maps");

/* TCP clients that tell their own connections, so that the server's socket on the same node stays silent. An entry matters
 * between SYN and the server's established. An array of sets: a hash map costs ten times as much for each connection. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WEFT_SYN_SETS);
	__type(key, __u32);
	__type(value, struct weft_syn_set);
} weft_syns __weak SEC(".maps");

/* The same for UDP, where an entry matters as long as the conversation lives. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct weft_tuple_key);
	__type(value, __u64); /* CLOCK_MONOTONIC of the first datagram */
} weft_tuples __weak SEC(".maps");

/* Who was seen in a network namespace, by its cookie. LRU: forgetting costs a name in a refusal. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096); /* pods of a node, many times over */
	__type(key, __u64);
	__type(value, struct weft_owner);
} weft_netns __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct weft_socket);
} weft_sockets __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct weft_udp_socket);
} weft_udp_sockets __weak SEC(".maps");

/* Records for the agent, which polls every 50 ms: no wake-up per event. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 22);
} weft_events __weak SEC(".maps");

/* Whose turn it is, by service id modulo the size. Starts anew with each load, so it is not pinned. */
#define WEFT_TURNS 1024
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WEFT_TURNS);
	__type(key, __u32);
	__type(value, __u32);
} weft_turns __weak SEC(".maps");

char _license[] __weak SEC("license") = "GPL";

#endif
