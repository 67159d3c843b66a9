/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Enforcement at the host side of a pod's interface. Every packet of the pod passes one of two programs; which pod it is
 * follows from the interface, what it may do from weft/abi/policy.h.
 */
#ifndef WEFT_ABI_POD_H
#define WEFT_ABI_POD_H

#include "weft/abi/types.h"

/* By interface index. The agent writes the row, then the addresses, then attaches: no packet meets half of it. */
struct weft_interface {
	__s32 netns_id; /* of the pod's namespace as the host numbers it (rtnetlink, IFLA_LINK_NETNSID) */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_interface, 8);

/* Which addresses a pod may send from. */
struct weft_source_key {
	__u32 interface;
	struct weft_address address;
};
WEFT_ABI_SIZE(struct weft_source_key, 20);

/* Conversations without a connection (UDP, SCTP, ICMP queries) whose answers policy would not allow by themselves. */
struct weft_reply_key {
	struct weft_address pod;
	struct weft_address peer;
	__be16 pod_port; /* of ICMP queries both are the identifier */
	__be16 peer_port;
	__u8 protocol;
	__u8 reserved[3];
};
WEFT_ABI_SIZE(struct weft_reply_key, 40);

struct weft_reply {
	__u64 last_ns;	/* CLOCK_MONOTONIC, coarse */
	__u32 owner;	/* of the pod's address; another one: void */
	__u8 direction; /* enum weft_direction of the first packet, seen from the pod */
	__u8 reserved[3];
};
WEFT_ABI_SIZE(struct weft_reply, 16);
#define WEFT_REPLY_IDLE_NS                                                                                             \
	180000000000ull /* nf_conntrack_udp_timeout_stream is 120 s; some clients keep alive each 120 s */

/* Ports of a datagram whose later fragments do not carry them (RFC 791, 3.2; RFC 8200, 4.5). */
struct weft_fragment_key {
	struct weft_address source;
	struct weft_address destination;
	__be32 id;
	__u32 interface;
	__u8 protocol;
	__u8 direction;
	__u8 reserved[2];
};
WEFT_ABI_SIZE(struct weft_fragment_key, 44);

struct weft_fragment {
	__be16 source_port;
	__be16 destination_port;
	__u8 allowed;
	__u8 reserved[3];
};
WEFT_ABI_SIZE(struct weft_fragment, 8);

/* Decisions by rule, per CPU: each new connection or conversation that was allowed, each packet that was denied. */
struct weft_verdict_key {
	__u32 rule;
	__u8 direction; /* enum weft_direction */
	__u8 verdict;	/* enum weft_verdict */
	__u8 reason;	/* enum weft_verdict_reason */
	__u8 audit;	/* 1: what audited policies would have decided; the packet passed */
};
WEFT_ABI_SIZE(struct weft_verdict_key, 8);

struct weft_verdict_count {
	__u64 decisions;
	__u64 last_ns; /* CLOCK_MONOTONIC, coarse */
};
WEFT_ABI_SIZE(struct weft_verdict_count, 16);

/* X(code, name, sentence): why a packet was dropped. */
#define WEFT_DROPS(X)                                                                                                  \
	X(WEFT_DROP_SOURCE, "source", "the pod sent from an address that is not its own")                              \
	X(WEFT_DROP_MALFORMED, "malformed", "headers are cut short or contradict each other")                          \
	X(WEFT_DROP_HEADERS, "headers", "more than 8 IPv6 extension headers before the transport header")              \
	X(WEFT_DROP_PROTOCOL, "protocol", "neither IPv4, IPv6 nor ARP")                                                \
	X(WEFT_DROP_FRAGMENT, "fragment", "a later fragment whose first one was not seen or not allowed")              \
	X(WEFT_DROP_LAND, "land", "arrived from outside with the pod's own address as its source")                     \
	X(WEFT_DROP_DENIED_INGRESS, "denied_ingress", "a policy of the pod that it was sent to denies it")             \
	X(WEFT_DROP_DENIED_EGRESS, "denied_egress", "a policy of the pod that sent it denies it")                      \
	X(WEFT_DROP_DENY_LIST, "deny_list", "it came over an uplink from an address on the deny list")

#define WEFT_X_DROP(code, name, sentence) code,
enum weft_drop { WEFT_DROPS(WEFT_X_DROP) WEFT_DROP_COUNT };
#undef WEFT_X_DROP

/* Bits of skb->mark that are ours. Set by programs on the host side; a packet that leaves a pod's namespace has none. */
#define WEFT_MARK_ANSWER 0x00000100u /* a reset or an ICMP error that a program wrote: policy was asked already */

/* One side of a connection: the packet that the program weft_explain reads, and answers in. */
struct weft_explain_request {
	struct weft_address pod; /* under policy, if at all */
	struct weft_address peer;
	__be16 port; /* of the server */
	__u8 protocol;
	__u8 direction; /* enum weft_direction, seen from the pod */
	/* out: */
	__u32 decided_rule;
	__u32 subject;
	__u32 peer_identity;
	__u32 peer_network;
	__u8 verdict; /* enum weft_verdict */
	__u8 reason;  /* enum weft_verdict_reason */
	__u16 peer_flags;
};
WEFT_ABI_SIZE(struct weft_explain_request, 56);

#endif
