/* SPDX-License-Identifier: GPL-2.0-only
 *
 * connect(), sendto() and getpeername() of sockets: which endpoint, and what the socket remembers of it.
 */
#ifndef WEFT_LIB_CONNECT_H
#define WEFT_LIB_CONNECT_H

#include "lib/address.h"
#include "lib/flow.h"
#include "lib/service.h"

enum { WEFT_REFUSE = 0, WEFT_PROCEED = 1 }; /* return values of cgroup socket-address programs */

/* MPTCP sockets ask for the same services as TCP ones. */
weft_inline __u8 protocol_of(struct bpf_sock_addr *ctx)
{
	__u32 protocol = ctx->protocol;

	if (protocol == IPPROTO_MPTCP)
		return IPPROTO_TCP;
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ? protocol : 0;
}

/* The client that affinity knows: its network namespace, or its cgroup on the host (datapath: one address, many
 * workloads). */
weft_inline void request_set_client(struct weft_request *request, struct bpf_sock_addr *ctx)
{
	__u64 netns = bpf_get_netns_cookie(ctx);

	request->client_is_host = netns == weft_config.host_netns;
	request->client = request->client_is_host ? bpf_get_current_cgroup_id() : netns;
}

/* Who is connecting, before the kernel has chosen a source address: the process's workload, the owner of the address
 * that the socket is bound to, or the one that was seen in this network namespace. */
weft_inline struct weft_owner owner_of_caller(struct bpf_sock_addr *ctx)
{
	struct weft_owner owner = {.workload = owner_of_current(), .zone = node_zone()};
	struct weft_address bound = {};
	struct weft_owner *seen;
	__u64 netns;

	if (owner.workload != WEFT_IDENTITY_UNKNOWN || !ctx->sk)
		return owner;
	if (ctx->family == AF_INET) {
		bound = address_from_v4(WEFT_CTX_WORD(ctx->sk, src_ip4));
	} else {
		bound.word[0] = WEFT_CTX_WORD(ctx->sk, src_ip6[0]);
		bound.word[1] = WEFT_CTX_WORD(ctx->sk, src_ip6[1]);
		bound.word[2] = WEFT_CTX_WORD(ctx->sk, src_ip6[2]);
		bound.word[3] = WEFT_CTX_WORD(ctx->sk, src_ip6[3]);
	}
	if (bound.word[3])
		owner = owner_of_client(WEFT_IDENTITY_UNKNOWN, &bound);
	if (owner.workload != WEFT_IDENTITY_UNKNOWN)
		return owner;
	netns = bpf_get_netns_cookie(ctx);
	seen = bpf_map_lookup_elem(&weft_netns, &netns);
	return seen ? *seen : owner;
}

weft_inline void refusal_record(struct bpf_sock_addr *ctx, const struct weft_request *request, __u32 service)
{
	struct weft_owner source = owner_of_caller(ctx);
	struct weft_edge_key key = {
		.source = source.workload,
		.service = service,
		.port = request->key.port,
		.protocol = request->key.protocol,
	};
	__u64 now_ns = bpf_ktime_get_ns();
	struct weft_edge *edge = edge_of(&key, now_ns);
	struct weft_flow_event *event;

	if (edge)
		weft_add(edge->failed[WEFT_FAIL_NO_ENDPOINTS], 1);
	event = event_reserve(now_ns);
	if (!event)
		return;
	event->kind = WEFT_FLOW_FAIL;
	event->reason = WEFT_FAIL_NO_ENDPOINTS;
	event->protocol = request->key.protocol;
	event->socket_cookie = bpf_get_socket_cookie(ctx);
	event->cgroup = bpf_get_current_cgroup_id();
	event->service_address = request->key.address;
	event->service_port = request->key.port;
	event->service = service;
	event->source_workload = source.workload;
	event->source_zone = source.zone;
	event->pid = bpf_get_current_pid_tgid() >> 32;
	bpf_get_current_comm(event->command, sizeof(event->command));
	event_submit(event);
}

/* connect() fails at once with ECONNREFUSED (ip(7)); retval needs kernel 5.16. */
weft_inline int refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return WEFT_REFUSE;
}

weft_inline void socket_remember(struct weft_socket *socket, const struct weft_request *request,
				 const struct weft_answer *answer)
{
	__builtin_memset(socket, 0, sizeof(*socket));
	socket->protocol = request->key.protocol;
	socket->source_workload = owner_of_current();
	socket->pid = bpf_get_current_pid_tgid() >> 32;
	socket->cgroup = bpf_get_current_cgroup_id();
	bpf_get_current_comm(socket->command, sizeof(socket->command));
	socket->started_ns = bpf_ktime_get_ns();
	if (answer->resolution != WEFT_RESOLVED)
		return;
	socket->flags = WEFT_SOCKET_SERVICE;
	socket->service_address = request->key.address;
	socket->service_port = request->key.port;
	socket->service = answer->service;
	socket->endpoint = answer->endpoint;
	socket->endpoint_address = answer->row.address;
	socket->endpoint_port = answer->row.port;
	socket->endpoint_zone = answer->row.zone;
	socket->destination_workload = answer->row.workload;
}

/* connect() of an MPTCP socket runs for its first subflow; getpeername() asks the socket that the application holds. */
weft_inline void mptcp_remember(struct bpf_sock_addr *ctx, const struct weft_request *request,
				const struct weft_answer *answer)
{
	struct weft_socket *socket;
	struct mptcp_sock *parent;

	if (!bpf_core_type_exists(struct mptcp_sock) || request->key.protocol != IPPROTO_TCP)
		return;
	parent = (struct mptcp_sock *)bpf_skc_to_mptcp_sock(ctx->sk);
	if (!parent)
		return;
	socket = bpf_sk_storage_get(&weft_sockets, parent, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket)
		socket_remember(socket, request, answer);
	else
		count_helper_error(WEFT_HELPER_SOCKET_STORAGE, 0);
}

/* Decides a connect(). On WEFT_PROCEED with answer RESOLVED the caller writes the endpoint into its context. */
weft_inline int connect_decide(struct bpf_sock_addr *ctx, const struct weft_address *address,
			       struct weft_answer *answer)
{
	struct weft_request request = {
		.key = {.address = *address, .port = WEFT_READ_WORD(ctx->user_port), .protocol = protocol_of(ctx)},
	};
	struct weft_socket *socket;

	answer->resolution = WEFT_NOT_A_SERVICE;
	if (!request.key.protocol)
		return WEFT_PROCEED;
	request_set_client(&request, ctx);
	service_resolve(&request, answer);
	if (answer->resolution == WEFT_NO_ENDPOINT) {
		refusal_record(ctx, &request, answer->service);
		return weft_config.refuse_without_endpoint ? refuse() : WEFT_PROCEED;
	}
	if (!ctx->sk)
		return WEFT_PROCEED;
	socket = bpf_sk_storage_get(&weft_sockets, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (socket)
		socket_remember(socket, &request, answer);
	else
		count_helper_error(WEFT_HELPER_SOCKET_STORAGE, 0);
	if (answer->resolution == WEFT_RESOLVED)
		mptcp_remember(ctx, &request, answer);
	return WEFT_PROCEED;
}

weft_inline struct weft_udp_peer *udp_peer_by_service(struct weft_udp_socket *socket,
						      const struct weft_service_key *key)
{
	for (int i = 0; i < WEFT_UDP_PEERS; i++) {
		struct weft_udp_peer *peer = &socket->peer[i];

		if (peer->service_port == key->port && address_equal(&peer->service_address, &key->address))
			return peer;
	}
	return NULL;
}

/* One endpoint may serve several services that the socket talks to: an answer then belongs to the one asked last. */
weft_inline struct weft_udp_peer *udp_peer_by_endpoint(struct weft_udp_socket *socket,
						       const struct weft_address *address, __be16 port)
{
	struct weft_udp_peer *found = NULL;

	for (int i = 0; i < WEFT_UDP_PEERS; i++) {
		struct weft_udp_peer *peer = &socket->peer[i];

		if (!peer->service_port || peer->endpoint_port != port ||
		    !address_equal(&peer->endpoint_address, address))
			continue;
		found = peer;
		if (peer->service == socket->latest && peer->service_port == socket->latest_port)
			break;
	}
	return found;
}

/* The port is cleared before and set after the rest, so that a datagram sent at the same time from another thread does
 * not find half of a peer. */
weft_inline void udp_peer_write(struct weft_udp_peer *peer, const struct weft_service_key *key,
				const struct weft_answer *answer)
{
	*(volatile __be16 *)&peer->service_port = 0;
	barrier();
	peer->service_address = key->address;
	peer->endpoint_address = answer->row.address;
	peer->endpoint_port = answer->row.port;
	peer->service = answer->service;
	peer->endpoint = answer->endpoint;
	peer->generation = answer->generation;
	barrier();
	*(volatile __be16 *)&peer->service_port = key->port;
}

weft_inline void udp_peer_remember(struct weft_udp_socket *socket, struct weft_udp_peer *peer,
				   const struct weft_service_key *key, const struct weft_answer *answer)
{
	if (!peer) {
		__u32 slot = socket->next;

		socket->next = slot + 1;
		peer = &socket->peer[slot % WEFT_UDP_PEERS];
	}
	if (peer->endpoint != answer->endpoint || peer->generation != answer->generation ||
	    peer->service_port != key->port || !address_equal(&peer->service_address, &key->address))
		udp_peer_write(peer, key, answer);
}

/* Decides a sendto() of an unconnected UDP socket: one endpoint per socket and service, as long as it serves. */
weft_inline int sendmsg_decide(struct bpf_sock_addr *ctx, const struct weft_address *address,
			       struct weft_answer *answer)
{
	struct weft_request request = {
		.key = {.address = *address, .port = WEFT_READ_WORD(ctx->user_port), .protocol = IPPROTO_UDP},
	};
	struct weft_udp_socket *socket = NULL;
	struct weft_udp_peer *peer = NULL;

	if (ctx->sk)
		socket = bpf_sk_storage_get(&weft_udp_sockets, ctx->sk, NULL, 0);
	if (socket)
		peer = udp_peer_by_service(socket, &request.key);
	if (peer) {
		request.previous = peer->endpoint;
		request.previous_generation = peer->generation;
	}
	request_set_client(&request, ctx);
	service_resolve(&request, answer);
	if (answer->resolution == WEFT_NOT_A_SERVICE)
		return WEFT_PROCEED;
	if (answer->resolution == WEFT_NO_ENDPOINT) {
		refusal_record(ctx, &request, answer->service);
		return weft_config.refuse_without_endpoint ? refuse() : WEFT_PROCEED;
	}
	if (!socket && ctx->sk)
		socket = bpf_sk_storage_get(&weft_udp_sockets, ctx->sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	if (!socket) {
		count_helper_error(WEFT_HELPER_SOCKET_STORAGE, 0);
		return WEFT_PROCEED;
	}
	socket->pid = bpf_get_current_pid_tgid() >> 32;
	udp_peer_remember(socket, peer, &request.key, answer);
	socket->latest = answer->service;
	socket->latest_port = request.key.port;
	return WEFT_PROCEED;
}

struct weft_reverse {
	struct weft_address address;
	__be16 port; /* 0: not through a service */
};

/* The service address behind an endpoint that this socket talks to. */
weft_inline void reverse_of(struct bpf_sock_addr *ctx, const struct weft_address *address, __be16 port,
			    struct weft_reverse *reverse)
{
	struct weft_socket *connected;
	struct weft_udp_socket *udp;
	struct weft_udp_peer *peer;

	reverse->port = 0;
	if (!ctx->sk)
		return;
	connected = bpf_sk_storage_get(&weft_sockets, ctx->sk, NULL, 0);
	if (connected && (connected->flags & WEFT_SOCKET_SERVICE) && connected->endpoint_port == port &&
	    address_equal(&connected->endpoint_address, address)) {
		reverse->address = connected->service_address;
		reverse->port = connected->service_port;
		return;
	}
	udp = bpf_sk_storage_get(&weft_udp_sockets, ctx->sk, NULL, 0);
	if (!udp)
		return;
	peer = udp_peer_by_endpoint(udp, address, port);
	if (!peer)
		return;
	reverse->address = peer->service_address;
	reverse->port = peer->service_port;
}

#endif
