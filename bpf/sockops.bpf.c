// SPDX-License-Identifier: GPL-2.0-only
/* Every TCP connection of the served cgroup: opened, failed, closed. Callbacks are asked for per socket; a server's
 * socket whose client tells the connection itself asks for none. */
#include "lib/address.h"
#include "lib/syn.h"
#include "lib/tcp.h"

struct weft_ends {
	struct weft_address local;
	struct weft_address remote;
	__be16 local_port;
	__be16 remote_port;
};

weft_inline void ends_of(struct bpf_sock_ops *ops, struct weft_ends *ends)
{
	if (ops->family == AF_INET) {
		ends->local = address_from_v4(WEFT_CTX_WORD(ops, local_ip4));
		ends->remote = address_from_v4(WEFT_CTX_WORD(ops, remote_ip4));
	} else {
		ends->local.word[0] = WEFT_CTX_WORD(ops, local_ip6[0]);
		ends->local.word[1] = WEFT_CTX_WORD(ops, local_ip6[1]);
		ends->local.word[2] = WEFT_CTX_WORD(ops, local_ip6[2]);
		ends->local.word[3] = WEFT_CTX_WORD(ops, local_ip6[3]);
		ends->remote.word[0] = WEFT_CTX_WORD(ops, remote_ip6[0]);
		ends->remote.word[1] = WEFT_CTX_WORD(ops, remote_ip6[1]);
		ends->remote.word[2] = WEFT_CTX_WORD(ops, remote_ip6[2]);
		ends->remote.word[3] = WEFT_CTX_WORD(ops, remote_ip6[3]);
	}
	ends->local_port = bpf_htons(WEFT_CTX_WORD(ops, local_port));
	ends->remote_port = bpf_htons(bpf_ntohl(WEFT_CTX_WORD(ops, remote_port)));
}

weft_inline __u64 fingerprint_of(struct bpf_sock_ops *ops, const struct weft_ends *ends, bool passive)
{
	struct weft_tuple_key key = {
		.client = passive ? ends->remote : ends->local,
		.server = passive ? ends->local : ends->remote,
		.client_port = passive ? ends->remote_port : ends->local_port,
		.server_port = passive ? ends->local_port : ends->remote_port,
	};

	if (address_is_loopback(&ends->local) || address_is_loopback(&ends->remote))
		key.netns = bpf_get_netns_cookie(ops);
	return syn_fingerprint(&key);
}

weft_inline void want_close_callback(struct bpf_sock_ops *ops)
{
	long error = bpf_sock_ops_cb_flags_set(ops, ops->bpf_sock_ops_cb_flags | BPF_SOCK_OPS_STATE_CB_FLAG);

	if (error)
		count_helper_error(WEFT_HELPER_CALLBACK_FLAGS, error);
}

weft_inline struct weft_socket *socket_create(struct bpf_sock *sk)
{
	struct weft_socket *socket = bpf_sk_storage_get(&weft_sockets, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);

	if (!socket)
		count_helper_error(WEFT_HELPER_SOCKET_STORAGE, 0);
	return socket;
}

/* SYN is about to leave: from here on this socket tells its connection. */
weft_inline void on_connect(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	struct weft_socket *socket = bpf_sk_storage_get(&weft_sockets, sk, NULL, 0);
	__u64 now = bpf_ktime_get_ns();
	struct weft_ends ends;

	if (!socket)
		socket = socket_create(sk);
	if (!socket)
		return;
	ends_of(ops, &ends);
	syn_remember(fingerprint_of(ops, &ends, false), now);
	if (!socket->started_ns)
		socket->started_ns = now;
	if (!(socket->flags & WEFT_SOCKET_SERVICE) || socket->endpoint_port != ends.remote_port) {
		socket->flags &= ~WEFT_SOCKET_SERVICE;
		socket->endpoint_address = ends.remote;
		socket->endpoint_port = ends.remote_port;
	}
	want_close_callback(ops);
}

/* Names both ends, once the client's address is known. */
weft_inline void name_ends(struct bpf_sock_ops *ops, struct weft_socket *socket, const struct weft_ends *ends)
{
	struct weft_owner source = owner_of_client(socket->source_workload, &ends->local);

	socket->source_workload = source.workload;
	socket->source_zone = source.zone;
	netns_learn(bpf_get_netns_cookie(ops), &source);
	if (socket->flags & WEFT_SOCKET_SERVICE) {
		socket->destination_zone = socket->endpoint_zone;
	} else {
		struct weft_owner destination = owner_of_address(
			&ends->remote, ends->remote_port, IPPROTO_TCP,
			address_is_loopback(&ends->remote) ? WEFT_IDENTITY_UNKNOWN : WEFT_IDENTITY_WORLD);
		socket->destination_workload = destination.workload;
		socket->destination_zone = destination.zone;
	}
}

weft_inline void record_open(struct bpf_sock_ops *ops, const struct weft_socket *socket, const struct weft_ends *ends)
{
	struct weft_flow_event *event = event_reserve(socket->established_ns);

	if (!event)
		return;
	event->kind = WEFT_FLOW_OPEN;
	event->socket_cookie = bpf_get_socket_cookie(ops);
	event->duration_ns = socket->established_ns - socket->started_ns;
	tcp_describe(event, socket, &ends->local, ends->local_port, &ends->remote, ends->remote_port);
	event_submit(event);
}

weft_inline void on_active_established(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	struct weft_socket *socket = bpf_sk_storage_get(&weft_sockets, sk, NULL, 0);
	struct weft_edge_key key;
	struct weft_edge *edge;
	struct weft_ends ends;

	if (!socket) /* the SYN left before the agent was here */
		return;
	ends_of(ops, &ends);
	name_ends(ops, socket, &ends);
	socket->established_ns = bpf_ktime_get_ns();
	socket->flags |= WEFT_SOCKET_ESTABLISHED;
	key = tcp_edge_key(socket);
	edge = edge_of(&key, socket->established_ns);
	if (edge) {
		weft_add(edge->opened, 1);
		histogram_add(&edge->connect, weft_latency_bounds,
			      (socket->established_ns - socket->started_ns) / 1000);
	}
	record_open(ops, socket, &ends);
}

weft_inline void describe_server(struct weft_socket *socket, const struct weft_ends *ends, struct tcp_sock *tcp)
{
	const struct weft_settings *now = settings();
	struct weft_owner source, destination;

	source = owner_of_address(&ends->remote, 0, 0,
				  address_is_loopback(&ends->remote) ? WEFT_IDENTITY_UNKNOWN : WEFT_IDENTITY_WORLD);
	destination = owner_of_address(&ends->local, ends->local_port, IPPROTO_TCP, WEFT_IDENTITY_UNKNOWN);
	socket->cgroup = tcp_cgroup(tcp);
	if (now && now->process_owners && destination.workload < WEFT_IDENTITY_FIRST) {
		struct weft_process_key key = {.id = socket->cgroup, .kind = WEFT_PROCESS_CGROUP};
		__u32 *workload = bpf_map_lookup_elem(&weft_processes, &key);

		if (workload)
			destination.workload = *workload;
	}
	socket->flags = WEFT_SOCKET_PASSIVE | WEFT_SOCKET_ESTABLISHED;
	socket->protocol = IPPROTO_TCP;
	socket->endpoint_address = ends->local;
	socket->endpoint_port = ends->local_port;
	socket->source_workload = source.workload;
	socket->source_zone = source.zone;
	socket->destination_workload = destination.workload;
	socket->destination_zone = destination.zone ? destination.zone : node_zone();
	socket->started_ns = bpf_ktime_get_ns();
	socket->established_ns = socket->started_ns;
}

weft_inline void on_passive_established(struct bpf_sock_ops *ops, struct bpf_sock *sk)
{
	struct weft_socket *socket;
	struct weft_edge_key key;
	struct weft_edge *edge;
	struct tcp_sock *tcp;
	struct weft_ends ends;

	ends_of(ops, &ends);
	if (syn_take(fingerprint_of(ops, &ends, true)))
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return;
	socket = socket_create(sk);
	if (!socket)
		return;
	describe_server(socket, &ends, tcp);
	want_close_callback(ops);
	key = tcp_edge_key(socket);
	edge = edge_of(&key, socket->established_ns);
	if (edge)
		weft_add(edge->opened, 1);
	record_open(ops, socket, &ends);
}

weft_inline __u8 fail_reason(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return WEFT_FAIL_REFUSED;
	case ETIMEDOUT:
		return WEFT_FAIL_TIMEOUT;
	case ECONNRESET:
	case EPIPE:
		return WEFT_FAIL_RESET;
	case 0:
		return WEFT_FAIL_ABORTED;
	}
	return WEFT_FAIL_UNREACHABLE;
}

/* A socket that leaves an open state without an error was aborted by its own side, which sends a reset (RFC 9293, 3.10.5). */
weft_inline __u8 close_reason(int error, __u32 old_state)
{
	if (error == ETIMEDOUT)
		return WEFT_CLOSE_TIMEOUT;
	if (error)
		return WEFT_CLOSE_RESET;
	if (old_state == BPF_TCP_ESTABLISHED || old_state == BPF_TCP_CLOSE_WAIT || old_state == BPF_TCP_SYN_RECV)
		return WEFT_CLOSE_RESET;
	return WEFT_CLOSE_FIN;
}

weft_inline void count_close(const struct weft_socket *socket, const struct weft_step *step, __u8 reason, __u32 srtt_us,
			     __u64 now_ns)
{
	struct weft_edge_key key = tcp_edge_key(socket);
	struct weft_edge *edge = edge_of(&key, now_ns);

	if (!edge)
		return;
	edge_add_step(edge, step, crosses_zones(socket->source_zone, socket->destination_zone));
	if (!(socket->flags & WEFT_SOCKET_ESTABLISHED)) {
		weft_add(edge->failed[reason & 7], 1);
		return;
	}
	weft_add(edge->closed[reason & 3], 1);
	histogram_add(&edge->rtt, weft_latency_bounds, srtt_us >> 3);
	histogram_add(&edge->duration, weft_duration_bounds, (now_ns - socket->started_ns) / 1000);
}

weft_inline void on_close(struct bpf_sock_ops *ops, struct bpf_sock *sk, __u32 old_state)
{
	struct weft_socket *socket = bpf_sk_storage_get(&weft_sockets, sk, NULL, 0);
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	struct weft_flow_event *event;
	struct weft_counted now;
	struct weft_step step;
	struct weft_ends ends;
	bool established;
	__u64 now_ns, cookie;
	__u8 reason;
	int error;

	if (!socket || !tcp || (socket->flags & WEFT_SOCKET_CLOSED))
		return;
	ends_of(ops, &ends);
	established = socket->flags & WEFT_SOCKET_ESTABLISHED;
	if (!established)
		name_ends(ops, socket, &ends);
	error = ((struct sock *)tcp)->sk_err;
	reason = established ? close_reason(error, old_state) : fail_reason(error);
	now_ns = bpf_ktime_get_ns();
	now = tcp_counted(tcp);
	step = tcp_step(&socket->counted, &now, socket->flags & WEFT_SOCKET_PASSIVE);
	socket->flags |= WEFT_SOCKET_CLOSED;
	count_close(socket, &step, reason, tcp->srtt_us, now_ns);
	cookie = bpf_get_socket_cookie(ops);
	if (established && now_ns - socket->established_ns >= WEFT_LISTED_AFTER_NS)
		bpf_map_delete_elem(&weft_connections, &cookie);
	event = event_reserve(now_ns);
	if (!event)
		return;
	event->kind = established ? WEFT_FLOW_CLOSE : WEFT_FLOW_FAIL;
	event->reason = reason;
	event->socket_cookie = cookie;
	event->duration_ns = now_ns - socket->started_ns;
	tcp_describe(event, socket, &ends.local, ends.local_port, &ends.remote, ends.remote_port);
	tcp_describe_totals(event, &now, tcp->srtt_us, socket->flags & WEFT_SOCKET_PASSIVE);
	event_submit(event);
}

SEC("sockops")
int weft_sockops(struct bpf_sock_ops *ops)
{
	__u32 op = ops->op; /* most calls are for others: they leave first */
	struct bpf_sock *sk;

	if (op == BPF_SOCK_OPS_STATE_CB && ops->args[1] != BPF_TCP_CLOSE)
		return 1;
	if (op != BPF_SOCK_OPS_TCP_CONNECT_CB && op != BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB &&
	    op != BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB && op != BPF_SOCK_OPS_STATE_CB)
		return 1;
	sk = ops->sk;
	if (!sk || !weft_config.account_flows)
		return 1;
	if (op == BPF_SOCK_OPS_TCP_CONNECT_CB)
		on_connect(ops, sk);
	else if (op == BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB)
		on_active_established(ops, sk);
	else if (op == BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB)
		on_passive_established(ops, sk);
	else
		on_close(ops, sk, ops->args[0]);
	return 1;
}
