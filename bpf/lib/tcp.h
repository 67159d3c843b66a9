/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What a TCP socket knows about its connection (RFC 4898 names the counters), read through BTF.
 */
#ifndef WEFT_LIB_TCP_H
#define WEFT_LIB_TCP_H

#include "lib/flow.h"

/* Payload as the programs wrote and will read it: without the retransmitted bytes, and without the one that the kernel
 * counts for a received FIN (tcp_fin() sets SOCK_DONE). */
weft_inline struct weft_counted tcp_counted(struct tcp_sock *tcp)
{
	struct sock *sk = (struct sock *)tcp;
	unsigned long done = 1ul << bpf_core_enum_value(enum sock_flags, SOCK_DONE);
	struct weft_counted counted = {
		.sent_bytes = tcp->bytes_sent - tcp->bytes_retrans,
		.received_bytes = tcp->bytes_received,
		.sent_packets = tcp->segs_out,
		.received_packets = tcp->segs_in,
		.retransmits = tcp->total_retrans,
	};

	if ((sk->__sk_common.skc_flags & done) && counted.received_bytes)
		counted.received_bytes -= 1;
	return counted;
}

weft_inline __u64 tcp_cgroup(struct tcp_sock *tcp)
{
	struct sock *sk = (struct sock *)tcp;

	return sk->sk_cgrp_data.cgroup->kn->id;
}

/* What came since the last step, told from the client's side, whichever socket counted it. Runs under the socket's lock,
 * as all callers do. */
weft_inline struct weft_step tcp_step(struct weft_counted *counted, const struct weft_counted *now, bool passive)
{
	struct weft_step step = {
		.sent_bytes = now->sent_bytes - counted->sent_bytes,
		.received_bytes = now->received_bytes - counted->received_bytes,
		.sent_packets = now->sent_packets - counted->sent_packets,
		.received_packets = now->received_packets - counted->received_packets,
		.retransmits = now->retransmits - counted->retransmits,
	};
	__u64 swap;

	*counted = *now;
	if (passive) {
		swap = step.sent_bytes, step.sent_bytes = step.received_bytes, step.received_bytes = swap;
		swap = step.sent_packets, step.sent_packets = step.received_packets, step.received_packets = swap;
	}
	return step;
}

weft_inline struct weft_edge_key tcp_edge_key(const struct weft_socket *socket)
{
	struct weft_edge_key key = {
		.source = socket->source_workload,
		.destination = socket->destination_workload,
		.service = socket->service,
		.port = socket->flags & WEFT_SOCKET_SERVICE ? socket->service_port : socket->endpoint_port,
		.protocol = IPPROTO_TCP,
		.reporter = socket->flags & WEFT_SOCKET_PASSIVE ? WEFT_REPORTER_DESTINATION : WEFT_REPORTER_SOURCE,
	};

	return key;
}

/* Fills what a record says about a socket whose local and remote ends are given. */
weft_inline void tcp_describe(struct weft_flow_event *event, const struct weft_socket *socket,
			      const struct weft_address *local, __be16 local_port, const struct weft_address *remote,
			      __be16 remote_port)
{
	bool passive = socket->flags & WEFT_SOCKET_PASSIVE;

	event->protocol = IPPROTO_TCP;
	event->reporter = passive ? WEFT_REPORTER_DESTINATION : WEFT_REPORTER_SOURCE;
	event->source = passive ? *remote : *local;
	event->destination = passive ? *local : *remote;
	event->source_port = passive ? remote_port : local_port;
	event->destination_port = passive ? local_port : remote_port;
	event->service_address = socket->service_address;
	event->service_port = socket->service_port;
	event->service = socket->service;
	event->source_workload = socket->source_workload;
	event->destination_workload = socket->destination_workload;
	event->source_zone = socket->source_zone;
	event->destination_zone = socket->destination_zone;
	event->cgroup = socket->cgroup;
	event->pid = socket->pid;
	__builtin_memcpy(event->command, socket->command, sizeof(event->command));
}

weft_inline void tcp_describe_totals(struct weft_flow_event *event, const struct weft_counted *now, __u32 srtt_us,
				     bool passive)
{
	event->sent_bytes = passive ? now->received_bytes : now->sent_bytes;
	event->received_bytes = passive ? now->sent_bytes : now->received_bytes;
	event->sent_packets = passive ? now->received_packets : now->sent_packets;
	event->received_packets = passive ? now->sent_packets : now->received_packets;
	event->retransmits = now->retransmits;
	event->rtt_us = srtt_us >> 3;
}

#endif
