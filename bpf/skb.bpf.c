// SPDX-License-Identifier: GPL-2.0-only
/* Packets of served sockets, for accounting only: both programs let everything pass. TCP needs the way out alone: what
 * was received is acknowledged, and an acknowledgement is a packet on its way out. */
#include "lib/address.h"
#include "lib/tcp.h"
#include "lib/udp.h"

/* The agent reads its list at leisure: a connection tells its bytes there ten times a second at most. */
#define WEFT_LISTING_PACE_NS 100000000ull

weft_inline void connection_step(struct __sk_buff *skb, struct weft_socket *socket, const struct weft_counted *now,
				 bool passive, __u64 now_ns)
{
	struct weft_flow_event *row;
	__u64 cookie;

	if (now_ns < socket->established_ns + WEFT_LISTING_PACE_NS || now_ns < socket->listed_ns + WEFT_LISTING_PACE_NS)
		return;
	socket->listed_ns = now_ns;
	cookie = bpf_get_socket_cookie(skb);
	row = bpf_map_lookup_elem(&weft_connections, &cookie);
	if (!row)
		return;
	row->sent_bytes = passive ? now->received_bytes : now->sent_bytes;
	row->received_bytes = passive ? now->sent_bytes : now->received_bytes;
	row->retransmits = now->retransmits;
}

/* Bytes of an open connection are counted as they go, so that long connections are seen while they live. */
weft_inline void tcp_account(struct __sk_buff *skb, struct bpf_sock *sk)
{
	struct weft_socket *socket = bpf_sk_storage_get(&weft_sockets, sk, NULL, 0);
	struct weft_edge_key key;
	struct weft_counted now;
	struct weft_edge *edge;
	struct weft_step step;
	struct tcp_sock *tcp;
	__u64 now_ns;
	bool passive;

	if (!socket || !(socket->flags & WEFT_SOCKET_ESTABLISHED) || (socket->flags & WEFT_SOCKET_CLOSED))
		return;
	tcp = bpf_skc_to_tcp_sock(sk);
	if (!tcp)
		return;
	now = tcp_counted(tcp);
	if (now.sent_bytes == socket->counted.sent_bytes && now.received_bytes == socket->counted.received_bytes)
		return;
	key = tcp_edge_key(socket);
	now_ns = bpf_ktime_get_coarse_ns();
	edge = edge_of(&key, now_ns);
	if (!edge)
		return;
	passive = socket->flags & WEFT_SOCKET_PASSIVE;
	step = tcp_step(&socket->counted, &now, passive);
	edge_add_step(edge, &step, crosses_zones(socket->source_zone, socket->destination_zone));
	connection_step(skb, socket, &now, passive, now_ns);
}

weft_inline struct bpf_sock *full_socket(struct __sk_buff *skb)
{
	struct bpf_sock *sk = skb->sk;

	return sk ? bpf_sk_fullsock(sk) : NULL;
}

SEC("cgroup_skb/egress")
int weft_skb_egress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = full_socket(skb);

	if (!sk || !weft_config.account_flows)
		return 1;
	if (sk->protocol == IPPROTO_TCP)
		tcp_account(skb, sk);
	else if (sk->protocol == IPPROTO_UDP)
		udp_account(skb, sk, true);
	return 1;
}

SEC("cgroup_skb/ingress")
int weft_skb_ingress(struct __sk_buff *skb)
{
	struct bpf_sock *sk = full_socket(skb);

	if (!sk || !weft_config.account_flows)
		return 1;
	if (sk->protocol == IPPROTO_UDP)
		udp_account(skb, sk, false);
	return 1;
}

weft_inline void close_connected(struct bpf_sock *sk, __u64 cookie)
{
	struct weft_udp_flow_key key = {.socket_cookie = cookie, .peer_port = sk->dst_port};

	if (sk->family == AF_INET) {
		key.peer = address_from_v4(WEFT_CTX_WORD(sk, dst_ip4));
	} else {
		key.peer.word[0] = WEFT_CTX_WORD(sk, dst_ip6[0]);
		key.peer.word[1] = WEFT_CTX_WORD(sk, dst_ip6[1]);
		key.peer.word[2] = WEFT_CTX_WORD(sk, dst_ip6[2]);
		key.peer.word[3] = WEFT_CTX_WORD(sk, dst_ip6[3]);
	}
	udp_flow_close(&key);
}

weft_inline void close_peers(struct weft_udp_socket *socket, __u64 cookie)
{
	for (int i = 0; i < WEFT_UDP_PEERS; i++) {
		struct weft_udp_peer *peer = &socket->peer[i];
		struct weft_udp_flow_key key = {
			.socket_cookie = cookie,
			.peer = peer->endpoint_address,
			.peer_port = peer->endpoint_port,
		};

		if (peer->service_port)
			udp_flow_close(&key);
	}
}

/* Conversations of a UDP socket end with it: with the peer that it is connected to, and with the services that it sent to.
 * Others end by their idle time, for a socket does not say to whom it sent. */
SEC("cgroup/sock_release")
int weft_sock_release(struct bpf_sock *sk)
{
	struct weft_udp_socket *socket;
	__u64 cookie;

	if (sk->protocol != IPPROTO_UDP || !weft_config.account_flows)
		return 1;
	cookie = bpf_get_socket_cookie(sk);
	if (sk->dst_port)
		close_connected(sk, cookie);
	socket = bpf_sk_storage_get(&weft_udp_sockets, sk, NULL, 0);
	if (socket)
		close_peers(socket, cookie);
	return 1;
}
