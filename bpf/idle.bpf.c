// SPDX-License-Identifier: GPL-2.0-only
/* Ends idle UDP conversations. Run by the agent every few seconds; in the kernel, so that edges and records of an idle
 * end are written where all others are. */
#include "lib/udp.h"

struct bpf_map;

struct weft_idle_walk {
	__u64 before_ns;
	__u32 closed;
};

static long close_if_idle(struct bpf_map *map, struct weft_udp_flow_key *key, struct weft_udp_flow *flow,
			  struct weft_idle_walk *walk)
{
	struct weft_udp_flow_key copy = *key;

	if (flow->last_ns >= walk->before_ns)
		return 0;
	walk->closed += udp_flow_close(&copy);
	return 0;
}

SEC("syscall")
int weft_close_idle(struct weft_idle_request *request)
{
	struct weft_idle_walk walk = {.before_ns = bpf_ktime_get_ns() - request->idle_ns};

	bpf_for_each_map_elem(&weft_udp_flows, close_if_idle, &walk, 0);
	request->closed = walk.closed;
	return 0;
}
