/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Accounting of connections: edges in place, records into the ring. A full ring or map is counted, never silent.
 */
#ifndef WEFT_LIB_FLOW_H
#define WEFT_LIB_FLOW_H

#include "lib/owner.h"

static const struct weft_edge weft_empty_edge = {};
static const __u64 weft_latency_bounds[] = WEFT_LATENCY_BOUNDS_US;
static const __u64 weft_duration_bounds[] = WEFT_DURATION_BOUNDS_US;

weft_inline struct weft_edge *edge_overflow(void)
{
	struct weft_edge_key key = {.source = WEFT_EDGE_OVERFLOW, .destination = WEFT_EDGE_OVERFLOW};
	struct weft_edge *edge = bpf_map_lookup_elem(&weft_edges, &key);

	count(WEFT_COUNT_EDGES_LOST);
	return edge; /* the agent creates the row before it attaches */
}

static __noinline __attribute__((unused)) struct weft_edge *edge_of(const struct weft_edge_key *key, __u64 now_ns)
{
	struct weft_edge *edge;
	long error;

	if (!key)
		return NULL;
	edge = bpf_map_lookup_elem(&weft_edges, key);
	if (edge)
		goto out;
	error = bpf_map_update_elem(&weft_edges, key, &weft_empty_edge, BPF_NOEXIST);
	edge = bpf_map_lookup_elem(&weft_edges, key);
	if (!edge) {
		count_helper_error(WEFT_HELPER_EDGE_UPDATE, error);
		edge = edge_overflow();
	}
out:
	if (edge)
		edge->last_ns = now_ns;
	return edge;
}

weft_inline void histogram_add(struct weft_histogram *histogram, const __u64 *bounds, __u64 value_us)
{
	__u32 bucket = 0;

#pragma unroll
	for (int i = 0; i < WEFT_HISTOGRAM_BUCKETS - 1; i++)
		bucket += value_us > bounds[i];
	weft_add(histogram->sum_us, value_us);
	weft_add(histogram->bucket[bucket % WEFT_HISTOGRAM_BUCKETS], 1);
}

/* Bytes and packets since the last step, client to server first. */
struct weft_step {
	__u64 sent_bytes;
	__u64 received_bytes;
	__u64 sent_packets;
	__u64 received_packets;
	__u64 retransmits;
};

weft_inline void edge_add_step(struct weft_edge *edge, const struct weft_step *step, bool crosses_zones)
{
	weft_add(edge->sent_bytes, step->sent_bytes);
	weft_add(edge->received_bytes, step->received_bytes);
	weft_add(edge->sent_packets, step->sent_packets);
	weft_add(edge->received_packets, step->received_packets);
	weft_add(edge->retransmits, step->retransmits);
	if (crosses_zones)
		weft_add(edge->inter_zone_bytes, step->sent_bytes + step->received_bytes);
}

weft_inline bool crosses_zones(__u16 source_zone, __u16 destination_zone)
{
	return source_zone && destination_zone && source_zone != destination_zone;
}

/* Test the result for NULL once: 6.1 follows a second test both ways ("Unreleased reference"). */
weft_inline struct weft_flow_event *event_reserve(__u64 now_ns)
{
	struct weft_flow_event *event = bpf_ringbuf_reserve(&weft_events, sizeof(*event), 0);

	count(WEFT_COUNT_EVENTS);
	if (!event) {
		count(WEFT_COUNT_EVENTS_LOST);
		return NULL;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->time_ns = now_ns;
	return event;
}

weft_inline void event_submit(struct weft_flow_event *event)
{
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

#endif
