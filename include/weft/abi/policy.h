/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Who may talk to whom. A local workload under policy is a subject; its rows say, for classes of peers, what each tier
 * of policies decides. How rows become a verdict is in bpf/lib/policy_decide.h.
 *
 *   weft_peers     HASH      weft_peer_key    → weft_peer     who has an address: pods, workloads, nodes
 *   weft_networks  LPM_TRIE  weft_network_key → weft_network  which ipBlocks hold an address that weft_peers does not know
 *   weft_subjects  HASH      __u32            → weft_subject  what to look up for a subject
 *   weft_policy    HASH      weft_policy_key  → weft_policy   the rows
 *   weft_policy_state  ARRAY of one           weft_policy_state  whether any address has a subject
 *
 * Numbers of subjects, identities, networks and rules stand for contents: another content, another number, and a number
 * is not given again for 60 s. So rows never change their meaning. A change writes new rows, new subjects, then who
 * addresses are (identity, network, owner) with the subjects they had, then the subjects of addresses, and removes
 * afterwards what nothing names any more: each packet meets the old or the new policy of its workload.
 */
#ifndef WEFT_ABI_POLICY_H
#define WEFT_ABI_POLICY_H

#include "weft/abi/types.h"

enum weft_direction {
	WEFT_INGRESS = 0, /* the subject is the server; the peer is who connects */
	WEFT_EGRESS = 1,  /* the subject is the client; the peer is who is called */
	WEFT_DIRECTION_COUNT,
};

enum weft_peer_flag {
	WEFT_PEER_NODE = 1 << 0,       /* an address of a node */
	WEFT_PEER_LOCAL_NODE = 1 << 1, /* of this node: what it sends to local pods always passes */
	WEFT_PEER_PORTS = 1 << 2,      /* ports of this address have rows of their own: look there first */
	WEFT_PEER_LOCAL = 1 << 3,      /* a pod or workload of this node */
	WEFT_PEER_CONTESTED = 1 << 4,  /* several objects claim the address: it has no identity until they agree */
	WEFT_PEER_PROCESS = 1 << 5,    /* processes on a host: policy holds for what their own node sends, too */
};

/* Port 0 and protocol 0: the whole address. Rows with a port are processes on an address that they share. */
struct weft_peer_key {
	struct weft_address address;
	__be16 port;
	__u8 protocol;
	__u8 reserved;
};
WEFT_ABI_SIZE(struct weft_peer_key, 20);

struct weft_peer {
	__u32 identity; /* class of pods, workloads or nodes with equal labels; 0: none */
	__u32 network;	/* the set of ipBlocks that hold the address; 0: none. weft_networks need not be asked */
	__u32 subject;	/* local ones under policy: key of weft_subjects; 0: no policy applies */
	__u32 owner;	/* another number for another object: state of flows that names an older one is void */
	__u16 flags;	/* enum weft_peer_flag */
	__u16 reserved;
	__u32 reserved32;
};
WEFT_ABI_SIZE(struct weft_peer, 24);

struct weft_network_key {
	__u32 bits; /* of the address, 0..128; IPv4 prefixes are 96 longer than people write them */
	struct weft_address address;
};
WEFT_ABI_SIZE(struct weft_network_key, 20);

struct weft_network {
	__u32 network; /* 0: in no ipBlock, inside of a prefix that is */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_network, 8);

/* How much of protocol and port a row names. Ranges wider than WEFT_RANGE_PORTS are cut into blocks of 16, 256, 4096
 * and 65536 ports: at most 104 rows, and never more than 6 shapes to look up however many ranges there are. Narrower
 * ones are single ports, so that they cost no look-up. */
enum weft_shape {
	WEFT_SHAPE_ANY = 0,	 /* every protocol */
	WEFT_SHAPE_PROTOCOL = 1, /* every port of a protocol */
	WEFT_SHAPE_PORTS_4096 = 2,
	WEFT_SHAPE_PORTS_256 = 3,
	WEFT_SHAPE_PORTS_16 = 4,
	WEFT_SHAPE_PORT = 5,
	WEFT_SHAPE_COUNT,
};
#define WEFT_RANGE_PORTS 64

/* Which of the three names of a peer a row is keyed with. */
enum weft_peer_class {
	WEFT_PEER_CLASS_ANY = 0,      /* weft_policy_key.peer is 0 */
	WEFT_PEER_CLASS_IDENTITY = 1, /* weft_peer.identity */
	WEFT_PEER_CLASS_NETWORK = 2,  /* weft_peer.network or weft_network.network; from WEFT_NETWORK_FIRST */
	WEFT_PEER_CLASS_COUNT,
};
/* Below are identities; numbers from 0x80000000 are kept for classes of addresses learnt from names. */
#define WEFT_NETWORK_FIRST 0x40000000u

struct weft_policy_key {
	__u32 subject;
	__u32 peer;    /* 0 = any */
	__be16 port;   /* the first of the block; 0 = any */
	__u8 protocol; /* IPPROTO_*; 0 = any */
	__u8 kind;     /* WEFT_POLICY_KIND */
};
WEFT_ABI_SIZE(struct weft_policy_key, 12);
#define WEFT_POLICY_KIND(direction, shape) ((__u8)((direction) << 4 | (shape)))

enum weft_action {
	WEFT_ACTION_NONE = 0, /* no rule of the tier matches */
	WEFT_ACTION_ACCEPT = 1,
	WEFT_ACTION_DENY = 2,
	WEFT_ACTION_PASS = 3, /* the next tier decides */
};

/* The first rule of an ordered tier that matches the row. */
struct weft_tier_rule {
	__u32 rule;	  /* number of the rule; 0: none */
	__u16 precedence; /* among the rules of this subject, direction and tier; lower comes first */
	__u8 action;	  /* enum weft_action */
	__u8 reserved;
};
WEFT_ABI_SIZE(struct weft_tier_rule, 8);

struct weft_policy {
	struct weft_tier_rule admin;
	struct weft_tier_rule baseline;
	__u32 allow;	/* number of a NetworkPolicy rule that allows; 0: none */
	__u32 reserved; /* for the proxy's port and flags */
};
WEFT_ABI_SIZE(struct weft_policy, 24);

enum weft_side_flag {
	WEFT_SIDE_ISOLATED = 1 << 0, /* a NetworkPolicy selects the subject: what none allows is denied */
};

/* A subject in one direction. A zero byte of shapes: there are no rows of that class of peers. */
struct weft_subject_side {
	__u32 isolated_by;		    /* number of the NetworkPolicy that default denials name */
	__u8 shapes[WEFT_PEER_CLASS_COUNT]; /* bit 1 << enum weft_shape: such rows exist */
	__u8 flags;			    /* enum weft_side_flag */
};
WEFT_ABI_SIZE(struct weft_subject_side, 8);

/* The one entry of weft_policy_state. All zero means: look. */
struct weft_policy_state {
	__u32 no_subjects; /* 1: no row of weft_peers has a subject, so no packet of a pod need be asked for its policy */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_policy_state, 8);

struct weft_subject {
	struct weft_subject_side side[WEFT_DIRECTION_COUNT];
	__u32 audit; /* the subject it would be if audited policies were enforced; 0: none selects it */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_subject, 24);

enum weft_verdict {
	WEFT_VERDICT_ALLOW = 0,
	WEFT_VERDICT_DENY = 1,
};

/* X(code, name, sentence): what a verdict rests on. Names appear in flows and metrics. */
#define WEFT_VERDICT_REASONS(X)                                                                                        \
	X(WEFT_REASON_NO_POLICY, "no_policy", "no policy says anything about it")                                      \
	X(WEFT_REASON_ADMIN, "admin", "a rule of the Admin tier decides")                                              \
	X(WEFT_REASON_NETWORK, "network", "a rule of a NetworkPolicy allows it")                                       \
	X(WEFT_REASON_DEFAULT_DENY, "default_deny", "a NetworkPolicy isolates the workload and none allows it")        \
	X(WEFT_REASON_BASELINE, "baseline", "a rule of the Baseline tier decides")                                     \
	X(WEFT_REASON_OWN_NODE, "own_node", "the node itself always reaches its pods")                                 \
	X(WEFT_REASON_ITSELF, "itself", "a workload always reaches itself")                                            \
	X(WEFT_REASON_INCONSISTENT, "inconsistent", "a row is missing: denied")

#define WEFT_X_REASON(code, name, sentence) code,
enum weft_verdict_reason { WEFT_VERDICT_REASONS(WEFT_X_REASON) WEFT_VERDICT_REASON_COUNT };
#undef WEFT_X_REASON

struct weft_decision {
	__u32 rule;   /* that decided, or the isolating policy of a default denial; 0: none */
	__u8 verdict; /* enum weft_verdict */
	__u8 reason;  /* enum weft_verdict_reason */
	__u16 reserved;
};
WEFT_ABI_SIZE(struct weft_decision, 8);

#endif
