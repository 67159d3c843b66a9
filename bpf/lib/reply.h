/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Is a packet part of a conversation that began the other way? TCP asks the sockets of the pod, which know: nothing has to
 * be remembered, so nothing can be forgotten, forged or outlive an agent. Other protocols have a table.
 */
#ifndef WEFT_LIB_REPLY_H
#define WEFT_LIB_REPLY_H

#include "lib/packet.h"

enum weft_role {
	WEFT_ROLE_NONE = 0,   /* the pod has no such connection */
	WEFT_ROLE_CLIENT = 1, /* the pod connected */
	WEFT_ROLE_SERVER = 2, /* the pod was connected to */
};

/* Both ends, seen from the pod. */
struct weft_pod_ends {
	struct weft_address pod;
	struct weft_address peer;
	__be16 pod_port;
	__be16 peer_port;
	__u8 protocol;
	__u8 tcp_flags;
	__u16 reserved;
};

/* The tuple of a packet on its way to the pod (bpf-helpers(7), bpf_sk_lookup_tcp). Returns its size. */
weft_inline __u32 socket_tuple(const struct weft_pod_ends *ends, __be16 peer_port, struct bpf_sock_tuple *tuple)
{
	if (address_is_v4(&ends->pod)) {
		tuple->ipv4.saddr = ends->peer.word[3];
		tuple->ipv4.daddr = ends->pod.word[3];
		tuple->ipv4.sport = peer_port;
		tuple->ipv4.dport = ends->pod_port;
		return sizeof(tuple->ipv4);
	}
	__builtin_memcpy(tuple->ipv6.saddr, &ends->peer, sizeof(tuple->ipv6.saddr));
	__builtin_memcpy(tuple->ipv6.daddr, &ends->pod, sizeof(tuple->ipv6.daddr));
	tuple->ipv6.sport = peer_port;
	tuple->ipv6.dport = ends->pod_port;
	return sizeof(tuple->ipv6);
}

/* Two sizes, two calls: the verifier wants a constant. */
weft_inline struct bpf_sock *find_socket(struct __sk_buff *skb, const struct weft_pod_ends *ends, __be16 peer_port,
					 __s32 netns_id)
{
	struct bpf_sock_tuple tuple = {};

	if (socket_tuple(ends, peer_port, &tuple) == sizeof(tuple.ipv4))
		return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv4), netns_id, 0);
	return bpf_skc_lookup_tcp(skb, &tuple, sizeof(tuple.ipv6), netns_id, 0);
}

/* Port 0 is nobody's, so the look-up ends at the listener, if the pod has one: then it is the server. */
weft_inline enum weft_role role_by_listener(struct __sk_buff *skb, const struct weft_pod_ends *ends, __s32 netns_id)
{
	struct bpf_sock *listener = find_socket(skb, ends, 0, netns_id);

	if (!listener)
		return WEFT_ROLE_CLIENT;
	bpf_sk_release(listener);
	return WEFT_ROLE_SERVER;
}

weft_inline enum weft_role role_by_state(__u32 state, __u8 tcp_flags)
{
	if (state == BPF_TCP_SYN_SENT)
		return WEFT_ROLE_CLIENT;
	if (state == BPF_TCP_NEW_SYN_RECV || state == BPF_TCP_SYN_RECV)
		return WEFT_ROLE_SERVER;
	/* A listener keeps no socket for a SYN that it answers with a cookie. */
	if (state == BPF_TCP_LISTEN && (tcp_flags & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return WEFT_ROLE_SERVER;
	return WEFT_ROLE_NONE;
}

weft_global int tcp_role(struct __sk_buff *skb, const struct weft_pod_ends *ends, __s32 netns_id)
{
	struct weft_socket *known = NULL;
	struct bpf_sock *sk, *full;
	enum weft_role role;
	__u32 state;

	if (!ends)
		return WEFT_ROLE_NONE;
	sk = find_socket(skb, ends, ends->peer_port, netns_id);
	if (!sk)
		return WEFT_ROLE_NONE;
	state = sk->state;
	role = role_by_state(state, ends->tcp_flags);
	if (role == WEFT_ROLE_NONE && state != BPF_TCP_LISTEN && state != BPF_TCP_TIME_WAIT) {
		full = bpf_sk_fullsock(sk);
		if (full)
			known = bpf_sk_storage_get(&weft_sockets, full, NULL, 0);
		if (known)
			role = known->flags & WEFT_SOCKET_PASSIVE ? WEFT_ROLE_SERVER : WEFT_ROLE_CLIENT;
	}
	bpf_sk_release(sk);
	if (role == WEFT_ROLE_NONE && state != BPF_TCP_LISTEN)
		role = role_by_listener(skb, ends, netns_id);
	return role;
}

weft_inline struct weft_reply_key reply_key(const struct weft_pod_ends *ends)
{
	struct weft_reply_key key = {
		.pod = ends->pod,
		.peer = ends->peer,
		.pod_port = ends->pod_port,
		.peer_port = ends->peer_port,
		.protocol = ends->protocol,
	};

	return key;
}

/* Did this conversation begin with a packet in `direction`? */
weft_inline bool reply_began(const struct weft_pod_ends *ends, __u32 owner, __u8 direction, __u64 now_ns)
{
	struct weft_reply_key key = reply_key(ends);
	struct weft_reply *known = bpf_map_lookup_elem(&weft_replies, &key);

	if (!known || known->owner != owner || known->direction != direction ||
	    now_ns - known->last_ns > WEFT_REPLY_IDLE_NS)
		return false;
	known->last_ns = now_ns;
	return true;
}

/* Returns true when the conversation is new. One that goes on keeps the direction that it began with. */
weft_inline bool reply_remember(const struct weft_pod_ends *ends, __u32 owner, __u8 direction, __u64 now_ns)
{
	struct weft_reply_key key = reply_key(ends);
	struct weft_reply *known = bpf_map_lookup_elem(&weft_replies, &key);
	struct weft_reply fresh = {.last_ns = now_ns, .owner = owner, .direction = direction};
	long error;

	if (known && known->owner == owner && now_ns - known->last_ns <= WEFT_REPLY_IDLE_NS) {
		known->last_ns = now_ns;
		return false;
	}
	error = bpf_map_update_elem(&weft_replies, &key, &fresh, BPF_ANY);
	if (error)
		count_helper_error(WEFT_HELPER_REPLY_UPDATE, error);
	return true;
}

#endif
