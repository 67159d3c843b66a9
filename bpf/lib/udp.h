/* SPDX-License-Identifier: GPL-2.0-only
 *
 * UDP conversations: a socket and one peer. The side that sends first is the client; a server's socket stays silent when
 * its client tells the conversation itself.
 */
#ifndef WEFT_LIB_UDP_H
#define WEFT_LIB_UDP_H

#include "lib/address.h"
#include "lib/connect.h"

struct weft_datagram {
	struct weft_address local;
	struct weft_address remote;
	__be16 local_port;
	__be16 remote_port;
	__u32 payload_bytes;
	__u32 packets;
};

enum { WEFT_IPV4_HEADER = 20, WEFT_IPV6_HEADER = 40, WEFT_UDP_HEADER = 8 };

/* Reads addresses and ports; `egress` says which end is local. Datagrams behind IPv6 extension headers are not UDP here:
 * their first next-header differs, and they go uncounted rather than miscounted. */
weft_inline bool datagram_parse(struct __sk_buff *skb, bool egress, struct weft_datagram *out)
{
	struct weft_address source, destination;
	__be16 ports[2];
	__u32 offset;
	__u8 first, protocol;

	if (bpf_skb_load_bytes(skb, 0, &first, 1))
		return false;
	if (first >> 4 == 4) {
		__be32 words[2];

		offset = (first & 15) * 4;
		if (bpf_skb_load_bytes(skb, 9, &protocol, 1) || bpf_skb_load_bytes(skb, 12, words, 8))
			return false;
		source = address_from_v4(words[0]);
		destination = address_from_v4(words[1]);
	} else {
		offset = WEFT_IPV6_HEADER;
		if (bpf_skb_load_bytes(skb, 6, &protocol, 1) || bpf_skb_load_bytes(skb, 8, &source, 16) ||
		    bpf_skb_load_bytes(skb, 24, &destination, 16))
			return false;
	}
	if (protocol != IPPROTO_UDP || bpf_skb_load_bytes(skb, offset, ports, 4))
		return false;
	out->local = egress ? source : destination;
	out->remote = egress ? destination : source;
	out->local_port = egress ? ports[0] : ports[1];
	out->remote_port = egress ? ports[1] : ports[0];
	out->payload_bytes = skb->len - offset - WEFT_UDP_HEADER;
	out->packets = skb->gso_segs ? skb->gso_segs : 1;
	return true;
}

weft_inline void udp_tuple(const struct weft_datagram *datagram, bool client, struct weft_tuple_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->client = client ? datagram->local : datagram->remote;
	key->server = client ? datagram->remote : datagram->local;
	key->client_port = client ? datagram->local_port : datagram->remote_port;
	key->server_port = client ? datagram->remote_port : datagram->local_port;
	key->protocol = IPPROTO_UDP;
}

weft_inline struct weft_edge_key udp_edge_key(const struct weft_udp_flow *flow)
{
	struct weft_edge_key key = {
		.source = flow->source_workload,
		.destination = flow->destination_workload,
		.service = flow->service,
		.port = flow->service_port ? flow->service_port : flow->destination_port,
		.protocol = IPPROTO_UDP,
		.reporter = flow->reporter,
	};

	return key;
}

/* Through which service, if any, this socket talks to the remote end. */
weft_inline void udp_flow_set_service(struct weft_udp_flow *flow, struct bpf_sock *sk,
				      const struct weft_datagram *datagram)
{
	struct weft_socket *connected = bpf_sk_storage_get(&weft_sockets, sk, NULL, 0);
	struct weft_udp_socket *udp;
	struct weft_udp_peer *peer;

	if (connected && connected->endpoint_port == datagram->remote_port &&
	    address_equal(&connected->endpoint_address, &datagram->remote)) {
		flow->service_address = connected->service_address;
		flow->service_port = connected->service_port;
		flow->service = connected->service;
		flow->pid = connected->pid;
		flow->cgroup = connected->cgroup;
		flow->source_workload = connected->source_workload;
		return;
	}
	udp = bpf_sk_storage_get(&weft_udp_sockets, sk, NULL, 0);
	if (!udp)
		return;
	flow->pid = udp->pid;
	peer = udp_peer_by_endpoint(udp, &datagram->remote, datagram->remote_port);
	if (!peer)
		return;
	flow->service_address = peer->service_address;
	flow->service_port = peer->service_port;
	flow->service = peer->service;
}

weft_inline void udp_flow_begin(struct weft_udp_flow *flow, struct bpf_sock *sk, const struct weft_datagram *datagram,
				bool client)
{
	struct weft_owner source, destination;

	__builtin_memset(flow, 0, sizeof(*flow));
	flow->opened_ns = bpf_ktime_get_ns();
	flow->reporter = client ? WEFT_REPORTER_SOURCE : WEFT_REPORTER_DESTINATION;
	flow->source = client ? datagram->local : datagram->remote;
	flow->destination = client ? datagram->remote : datagram->local;
	flow->source_port = client ? datagram->local_port : datagram->remote_port;
	flow->destination_port = client ? datagram->remote_port : datagram->local_port;
	if (client)
		udp_flow_set_service(flow, sk, datagram);
	source = client ? owner_of_client(flow->source_workload, &flow->source)
			: owner_of_address(&flow->source, 0, 0, WEFT_IDENTITY_WORLD);
	destination = owner_of_address(&flow->destination, flow->destination_port, IPPROTO_UDP,
				       client ? WEFT_IDENTITY_WORLD : WEFT_IDENTITY_UNKNOWN);
	flow->source_workload = source.workload;
	flow->source_zone = source.zone;
	flow->destination_workload = destination.workload;
	flow->destination_zone = destination.zone || client ? destination.zone : node_zone();
}

weft_inline void udp_describe(struct weft_flow_event *event, const struct weft_udp_flow *flow, __u64 cookie)
{
	event->protocol = IPPROTO_UDP;
	event->socket_cookie = cookie;
	event->cgroup = flow->cgroup;
	event->pid = flow->pid;
	event->reporter = flow->reporter;
	event->source = flow->source;
	event->destination = flow->destination;
	event->service_address = flow->service_address;
	event->source_port = flow->source_port;
	event->destination_port = flow->destination_port;
	event->service_port = flow->service_port;
	event->source_zone = flow->source_zone;
	event->destination_zone = flow->destination_zone;
	event->source_workload = flow->source_workload;
	event->destination_workload = flow->destination_workload;
	event->service = flow->service;
	event->sent_bytes = flow->sent_bytes;
	event->received_bytes = flow->received_bytes;
	event->sent_packets = flow->sent_packets;
	event->received_packets = flow->received_packets;
}

weft_inline void udp_record(const struct weft_udp_flow *flow, __u64 cookie, __u8 kind, __u8 reason)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct weft_flow_event *event = event_reserve(now_ns);

	if (!event)
		return;
	event->kind = kind;
	event->reason = reason;
	event->duration_ns = kind == WEFT_FLOW_CLOSE ? now_ns - flow->opened_ns : 0;
	udp_describe(event, flow, cookie);
	event_submit(event);
}

weft_inline void udp_count(struct weft_udp_flow *flow, const struct weft_datagram *datagram, bool egress, bool opens)
{
	bool to_server = egress == (flow->reporter == WEFT_REPORTER_SOURCE);
	struct weft_edge_key key = udp_edge_key(flow);
	__u64 now_ns = bpf_ktime_get_ns();
	struct weft_edge *edge = edge_of(&key, now_ns);
	struct weft_step step = {
		.sent_bytes = to_server ? datagram->payload_bytes : 0,
		.received_bytes = to_server ? 0 : datagram->payload_bytes,
		.sent_packets = to_server ? datagram->packets : 0,
		.received_packets = to_server ? 0 : datagram->packets,
	};

	/* Two processors may send on one socket at once: the record's totals are added atomically. */
	__sync_fetch_and_add(&flow->sent_bytes, step.sent_bytes);
	__sync_fetch_and_add(&flow->received_bytes, step.received_bytes);
	__sync_fetch_and_add(&flow->sent_packets, (__u32)step.sent_packets);
	__sync_fetch_and_add(&flow->received_packets, (__u32)step.received_packets);
	flow->last_ns = now_ns;
	if (!edge)
		return;
	weft_add(edge->opened, opens);
	edge_add_step(edge, &step, crosses_zones(flow->source_zone, flow->destination_zone));
}

/* First datagram of a conversation. Returns its row, or NULL when the other end tells it or there is no room. */
weft_inline struct weft_udp_flow *udp_flow_open(struct bpf_sock *sk, const struct weft_udp_flow_key *key,
						const struct weft_datagram *datagram, bool egress)
{
	struct weft_tuple_key as_server, as_client;
	struct weft_udp_flow flow;
	__u64 now = bpf_ktime_get_ns();
	long error;

	udp_tuple(datagram, false, &as_server);
	if (bpf_map_lookup_elem(&weft_tuples, &as_server))
		return NULL;
	udp_flow_begin(&flow, sk, datagram, egress);
	if (egress) {
		udp_tuple(datagram, true, &as_client);
		error = bpf_map_update_elem(&weft_tuples, &as_client, &now, BPF_ANY);
		if (error)
			count_helper_error(WEFT_HELPER_TUPLE_UPDATE, error);
	}
	error = bpf_map_update_elem(&weft_udp_flows, key, &flow, BPF_NOEXIST);
	if (error && error != -17) { /* EEXIST: another processor was first */
		count_helper_error(WEFT_HELPER_UDP_FLOW_UPDATE, error);
		udp_count(&flow, datagram, egress, true);
		return NULL;
	}
	if (!error)
		udp_record(&flow, key->socket_cookie, WEFT_FLOW_OPEN, 0);
	return bpf_map_lookup_elem(&weft_udp_flows, key);
}

weft_inline void udp_account(struct __sk_buff *skb, struct bpf_sock *sk, bool egress)
{
	struct weft_udp_flow_key key = {.socket_cookie = bpf_get_socket_cookie(skb)};
	struct weft_datagram datagram = {};
	struct weft_udp_flow *flow;
	bool opens = false;

	if (!datagram_parse(skb, egress, &datagram))
		return;
	key.peer = datagram.remote;
	key.peer_port = datagram.remote_port;
	flow = bpf_map_lookup_elem(&weft_udp_flows, &key);
	if (!flow) {
		flow = udp_flow_open(sk, &key, &datagram, egress);
		opens = true;
	}
	if (flow)
		udp_count(flow, &datagram, egress, opens);
}

/* A function of its own: its copy of the row would not fit on its callers' stacks several times. */
static __noinline __attribute__((unused)) int udp_flow_close(const struct weft_udp_flow_key *key)
{
	struct weft_edge_key edge_key;
	struct weft_udp_flow *found;
	struct weft_udp_flow flow;
	struct weft_edge *edge;
	__u64 now_ns;

	if (!key)
		return 0;
	found = bpf_map_lookup_elem(&weft_udp_flows, key);
	if (!found)
		return 0;
	flow = *found;
	if (bpf_map_delete_elem(&weft_udp_flows, key))
		return 0; /* the agent closed it as idle at this moment */
	edge_key = udp_edge_key(&flow);
	now_ns = bpf_ktime_get_ns();
	edge = edge_of(&edge_key, now_ns);
	if (edge) {
		weft_add(edge->closed[WEFT_CLOSE_IDLE], 1);
		histogram_add(&edge->duration, weft_duration_bounds, (now_ns - flow.opened_ns) / 1000);
	}
	udp_record(&flow, key->socket_cookie, WEFT_FLOW_CLOSE, WEFT_CLOSE_IDLE);
	return 1;
}

#endif
