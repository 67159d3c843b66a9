/* SPDX-License-Identifier: GPL-2.0-only
 *
 * What policy says about one side of a connection: addresses become peers, peers and ports become rows, rows a decision
 * (lib/policy_decide.h). Policy fails closed: a row that should be there and is not is a denial with its own reason.
 */
#ifndef WEFT_LIB_POLICY_H
#define WEFT_LIB_POLICY_H

#include "lib/count.h"

int policy_visit_row(struct weft_policy *sum, const struct weft_policy_key *asked);
#define policy_visit(tables, sum, key) policy_visit_row(sum, key)
#include "lib/policy_decide.h"

weft_global int policy_visit_row(struct weft_policy *sum, const struct weft_policy_key *asked)
{
	const struct weft_policy *row;
	struct weft_policy_key key;

	if (!sum || !asked)
		return 0;
	key = *asked; /* Linux before 6.5 takes keys from the stack and from maps only, no matter whose stack */
	row = bpf_map_lookup_elem(&weft_policy, &key);
	if (row)
		policy_add_row(sum, row);
	return 0;
}

/* Who has an address. Processes of a host are told apart by the server's port. A function of its own for its stack. */
weft_global int peer_of(const struct weft_address *address, __be16 port, __u8 protocol, struct weft_peer *out)
{
	struct weft_network_key network = {.bits = 128};
	struct weft_peer_key key = {};
	struct weft_network *block;
	struct weft_peer *found;

	if (!address || !out)
		return 0;
	key.address = *address;
	found = bpf_map_lookup_elem(&weft_peers, &key);
	if (found) {
		*out = *found;
		if (!(found->flags & WEFT_PEER_PORTS) || !port)
			return 0;
		key.port = port;
		key.protocol = protocol;
		found = bpf_map_lookup_elem(&weft_peers, &key);
		if (found)
			*out = *found;
		return 0;
	}
	__builtin_memset(out, 0, sizeof(*out));
	network.address = *address;
	block = bpf_map_lookup_elem(&weft_networks, &network);
	if (block)
		out->network = block->network;
	return 0;
}

struct weft_side_question {
	struct weft_address peer;
	__be16 port; /* of the server */
	__u8 protocol;
	__u8 direction; /* enum weft_direction */
	__u32 subject;
	__u32 own_flags; /* enum weft_peer_flag of the protected address */
};

weft_inline bool side_is_open(const struct weft_subject_side *side)
{
	return !(side->flags & WEFT_SIDE_ISOLATED) && !side->shapes[0] && !side->shapes[1] && !side->shapes[2];
}

/* A function of its own: asked for both directions and for audited policies, walked by the verifier once. */
weft_global int policy_ask(const struct weft_side_question *asked, struct weft_decision *out, struct weft_peer *peer)
{
	struct policy_question question = {};
	const struct weft_subject_side *side;
	struct weft_subject *subject;
	struct weft_policy sum;
	__u32 id;

	if (!asked || !out || !peer)
		return -1;
	id = asked->subject;
	subject = bpf_map_lookup_elem(&weft_subjects, &id);
	if (!subject) {
		*out = policy_make_decision(0, WEFT_VERDICT_DENY, WEFT_REASON_INCONSISTENT);
		return 0;
	}
	peer_of(&asked->peer, asked->direction == WEFT_EGRESS ? asked->port : 0, asked->protocol, peer);
	if (policy_is_own_node(asked->own_flags, peer, asked->direction)) {
		*out = policy_make_decision(0, WEFT_VERDICT_ALLOW, WEFT_REASON_OWN_NODE);
		return 0;
	}
	question.subject = id;
	question.identity = peer->identity;
	question.network = peer->network;
	question.port = asked->port;
	question.protocol = asked->protocol;
	question.direction = asked->direction;
	side = &subject->side[asked->direction & 1];
	sum = policy_sum(NULL, side, &question);
	*out = policy_decide(&sum, side);
	return 0;
}

#endif
