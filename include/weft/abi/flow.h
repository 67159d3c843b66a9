/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What the kernel tells about connections. Edges are counted in place and never lose; ring records carry the detail of
 * opens, closes and refusals and are counted when the ring had no room.
 *
 * A connection is told once per node: by the client's socket when it is served by this agent, else by the server's.
 */
#ifndef WEFT_ABI_FLOW_H
#define WEFT_ABI_FLOW_H

#include "weft/abi/types.h"

enum weft_reporter {
	WEFT_REPORTER_SOURCE = 0,      /* told by the client's socket */
	WEFT_REPORTER_DESTINATION = 1, /* told by the server's socket: the client is not served by this agent */
};

/* X(code, name, sentence): why a connection ended or never was. Names appear in flows and metrics. */
#define WEFT_CLOSE_REASONS(X)                                                                                          \
	X(WEFT_CLOSE_FIN, "fin", "both sides closed in an orderly way")                                                \
	X(WEFT_CLOSE_RESET, "reset", "one side reset the connection")                                                  \
	X(WEFT_CLOSE_TIMEOUT, "timeout", "the peer stopped answering")                                                 \
	X(WEFT_CLOSE_IDLE, "idle", "a UDP flow saw no packet for its idle time, or its socket was closed")

#define WEFT_FAIL_REASONS(X)                                                                                           \
	X(WEFT_FAIL_REFUSED, "refused", "the endpoint answered the SYN with a reset")                                  \
	X(WEFT_FAIL_TIMEOUT, "timeout", "the endpoint did not answer")                                                 \
	X(WEFT_FAIL_NO_ENDPOINTS, "no_endpoints", "the service has no endpoint that serves")                           \
	X(WEFT_FAIL_DENIED, "denied", "a policy denies the connection")                                                \
	X(WEFT_FAIL_RESET, "reset", "the connection was reset while it was being set up")                              \
	X(WEFT_FAIL_ABORTED, "aborted", "the client gave up before the connection stood")                              \
	X(WEFT_FAIL_UNREACHABLE, "unreachable", "the network reported the endpoint unreachable")

#define WEFT_X_CODE(code, name, sentence) code,
enum weft_close_reason { WEFT_CLOSE_REASONS(WEFT_X_CODE) WEFT_CLOSE_REASON_COUNT };
enum weft_fail_reason { WEFT_FAIL_REASONS(WEFT_X_CODE) WEFT_FAIL_REASON_COUNT };
#undef WEFT_X_CODE

/* Upper bounds of histogram buckets in microseconds; the last bucket is +Inf. */
#define WEFT_HISTOGRAM_BUCKETS 10
#define WEFT_LATENCY_BOUNDS_US {50, 100, 250, 1000, 5000, 25000, 100000, 500000, 2500000}
#define WEFT_DURATION_BOUNDS_US                                                                                        \
	{1000, 10000, 100000, 1000000, 10000000, 60000000, 600000000, 3600000000ULL, 86400000000ULL}

struct weft_histogram {
	__u64 sum_us;
	__u32 bucket[WEFT_HISTOGRAM_BUCKETS]; /* not cumulative */
};
WEFT_ABI_SIZE(struct weft_histogram, 48);

struct weft_edge_key {
	__u32 source; /* identities */
	__u32 destination;
	__u32 service; /* 0: the client dialled the endpoint itself */
	__be16 port;   /* the port that the client dialled */
	__u8 protocol;
	__u8 reporter; /* enum weft_reporter */
};
WEFT_ABI_SIZE(struct weft_edge_key, 16);

/* Source and destination of the row that takes what has no row of its own when the map is full. */
#define WEFT_EDGE_OVERFLOW 0xffffffffu

/* One per CPU and key; the agent adds the CPUs up. */
struct weft_edge {
	__u64 opened;
	__u64 closed[4];  /* enum weft_close_reason */
	__u64 failed[8];  /* enum weft_fail_reason; one spare */
	__u64 sent_bytes; /* payload, client to server */
	__u64 received_bytes;
	__u64 sent_packets;
	__u64 received_packets;
	__u64 retransmits;
	__u64 inter_zone_bytes;	       /* part of sent + received that crossed zones */
	__u64 last_ns;		       /* CLOCK_MONOTONIC of the last change */
	struct weft_histogram connect; /* SYN to established, client side only */
	struct weft_histogram rtt;     /* smoothed RTT at close */
	struct weft_histogram duration;
};
WEFT_ABI_SIZE(struct weft_edge, 304);

enum weft_flow_kind {
	WEFT_FLOW_OPEN = 0,
	WEFT_FLOW_CLOSE = 1,
	WEFT_FLOW_FAIL = 2,  /* reason is enum weft_fail_reason */
	WEFT_FLOW_DENY = 3,  /* reason is enum weft_verdict_reason, as in the next */
	WEFT_FLOW_AUDIT = 4, /* passed, though audited policies would deny it */
};

/* One record of the ring weft_events. Source is always the client, destination the server. */
struct weft_flow_event {
	__u64 time_ns; /* CLOCK_MONOTONIC */
	__u64 socket_cookie;
	__u64 cgroup; /* of the socket that tells */
	struct weft_address source;
	struct weft_address destination;     /* the endpoint */
	struct weft_address service_address; /* all zero: the endpoint was dialled itself */
	__be16 source_port;
	__be16 destination_port;
	__be16 service_port;
	__u8 kind;     /* enum weft_flow_kind */
	__u8 protocol; /* IPPROTO_* */
	__u8 reporter; /* enum weft_reporter */
	__u8 reason;   /* of a close or a failure */
	__u16 source_zone;
	__u16 destination_zone;
	__u8 direction; /* of a denial: enum weft_direction */
	__u8 reserved;
	__u32 source_workload;
	__u32 destination_workload;
	__u32 service;
	__u32 rule; /* of policy; of a denial */
	__u32 reserved32;
	__u32 pid;	  /* of the process that called connect(), 0 = unknown */
	__u64 sent_bytes; /* payload, client to server */
	__u64 received_bytes;
	__u32 sent_packets;
	__u32 received_packets;
	__u32 retransmits;
	__u32 rtt_us;
	__u64 duration_ns; /* of the set-up for opens, of the whole connection for closes */
	char command[16];  /* of the process, NUL-padded */
};
WEFT_ABI_SIZE(struct weft_flow_event, 168);

/* The agent lists a connection (weft_connections) that it still finds open when it reads its record. One that closes sooner
 * than this is left to the agent to take off, which sees both records: the kernel saves itself a look. */
#define WEFT_LISTED_AFTER_NS 1000000ull

/* A UDP conversation of one socket with one peer. */
struct weft_udp_flow_key {
	__u64 socket_cookie;
	struct weft_address peer; /* the endpoint */
	__be16 peer_port;
	__u16 reserved[3];
};
WEFT_ABI_SIZE(struct weft_udp_flow_key, 32);

struct weft_udp_flow {
	__u64 opened_ns;
	__u64 last_ns;
	__u64 cgroup;
	__u64 sent_bytes; /* payload, client to server */
	__u64 received_bytes;
	__u32 sent_packets;
	__u32 received_packets;
	struct weft_address source; /* the client */
	struct weft_address destination;
	struct weft_address service_address;
	__be16 source_port;
	__be16 destination_port;
	__be16 service_port;
	__u16 source_zone;
	__u16 destination_zone;
	__u8 reporter;
	__u8 reserved8;
	__u32 source_workload;
	__u32 destination_workload;
	__u32 service;
	__u32 pid;
	__u32 reserved32;
};
WEFT_ABI_SIZE(struct weft_udp_flow, 128);

/* Argument of the program that ends UDP conversations which saw no datagram for `idle_ns`. */
struct weft_idle_request {
	__u64 idle_ns;
	__u32 closed; /* out: how many ended */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_idle_request, 16);

/* Who owns an address. Port 0 stands for every port; a host's workloads are told apart by their own ports. */
struct weft_owner_key {
	struct weft_address address;
	__be16 port;
	__u8 protocol; /* 0 when port is 0 */
	__u8 reserved;
};
WEFT_ABI_SIZE(struct weft_owner_key, 20);

struct weft_owner {
	__u32 workload;
	__u16 zone;
	__u16 flags;
};
WEFT_ABI_SIZE(struct weft_owner, 8);

/* Which workload the processes of a cgroup, or of a user, belong to. */
enum weft_process_kind { WEFT_PROCESS_CGROUP = 1, WEFT_PROCESS_UID = 2 };

struct weft_process_key {
	__u64 id;   /* cgroup id or uid */
	__u32 kind; /* enum weft_process_kind */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_process_key, 16);

struct weft_tuple_key {
	struct weft_address client;
	struct weft_address server;
	__u64 netns; /* cookie for loopback addresses, else 0: both ends see the same */
	__be16 client_port;
	__be16 server_port;
	__u8 protocol;
	__u8 reserved[3];
};
WEFT_ABI_SIZE(struct weft_tuple_key, 48);

/* Clients whose SYN is on its way, by a fingerprint of their 4-tuple. A set takes the place of its oldest entry, so an
 * entry is lost only when its set sees WEFT_SYN_WAYS others between a SYN and the server's established. */
#define WEFT_SYN_SETS 8192
#define WEFT_SYN_WAYS 4

struct weft_syn {
	__u64 fingerprint; /* 0: free */
	__u64 time_ns;	   /* CLOCK_MONOTONIC of the SYN */
};

struct weft_syn_set {
	struct weft_syn way[WEFT_SYN_WAYS];
};
WEFT_ABI_SIZE(struct weft_syn_set, 64);

/* X(code, name): per-CPU counters of the datapath. */
#define WEFT_COUNTERS(X)                                                                                               \
	X(WEFT_COUNT_EVENTS, "events", "records offered to the ring")                                                  \
	X(WEFT_COUNT_EVENTS_LOST, "events_lost", "records for which the ring had no room")                             \
	X(WEFT_COUNT_LB_SELECTIONS, "lb_selections", "choices of an endpoint")                                         \
	X(WEFT_COUNT_LB_NO_ENDPOINT, "lb_no_endpoint", "connections refused for want of an endpoint")                  \
	X(WEFT_COUNT_LB_AFFINITY_HITS, "lb_affinity_hits", "selections decided by session affinity")                   \
	X(WEFT_COUNT_LB_INCONSISTENT, "lb_inconsistent", "a slot or endpoint was missing: packet left alone")          \
	X(WEFT_COUNT_EDGES_LOST, "edges_lost",                                                                         \
	  "flow updates for which no edge row was free; counted in the overflow row")

#define WEFT_X_COUNTER(code, name, sentence) code,
enum weft_counter { WEFT_COUNTERS(WEFT_X_COUNTER) WEFT_COUNTER_COUNT };
#undef WEFT_X_COUNTER

/* A helper that failed. Key of weft_helper_errors; the value is a per-CPU __u64. */
#define WEFT_HELPERS(X)                                                                                                \
	X(WEFT_HELPER_SOCKET_STORAGE, "sk_storage_get")                                                                \
	X(WEFT_HELPER_AFFINITY_UPDATE, "affinity_update")                                                              \
	X(WEFT_HELPER_EDGE_UPDATE, "edge_update")                                                                      \
	X(WEFT_HELPER_TUPLE_UPDATE, "tuple_update")                                                                    \
	X(WEFT_HELPER_UDP_FLOW_UPDATE, "udp_flow_update")                                                              \
	X(WEFT_HELPER_CALLBACK_FLAGS, "sock_ops_cb_flags_set")                                                         \
	X(WEFT_HELPER_LOAD_BYTES, "skb_load_bytes")                                                                    \
	X(WEFT_HELPER_NETNS_UPDATE, "netns_update")                                                                    \
	X(WEFT_HELPER_REPLY_UPDATE, "reply_update")                                                                    \
	X(WEFT_HELPER_FRAGMENT_UPDATE, "fragment_update")                                                              \
	X(WEFT_HELPER_VERDICT_UPDATE, "verdict_update")                                                                \
	X(WEFT_HELPER_ANSWER, "write_answer")                                                                          \
	X(WEFT_HELPER_DENIAL_HITS, "denial_hits_update")

#define WEFT_X_HELPER(code, name) code,
enum weft_helper { WEFT_HELPERS(WEFT_X_HELPER) WEFT_HELPER_COUNT };
#undef WEFT_X_HELPER

struct weft_helper_error_key {
	__u32 helper; /* enum weft_helper */
	__u32 error;  /* errno value, positive */
};
WEFT_ABI_SIZE(struct weft_helper_error_key, 8);

#endif
