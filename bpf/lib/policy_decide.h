/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * From the rows of a subject to a verdict. No map and no helper here: the kernel, the agent's explanations and the
 * tests include the same text. Who includes it defines before:
 *
 *   const struct weft_policy *policy_find_row(const void *tables, const struct weft_policy_key *key);
 *
 * which returns NULL when there is no such row.
 */
#ifndef WEFT_LIB_POLICY_DECIDE_H
#define WEFT_LIB_POLICY_DECIDE_H

#include "weft/abi/policy.h"

#ifndef weft_inline
#define weft_inline static inline __attribute__((always_inline))
#endif

/* What is asked about one side of a connection. Protocols without ports ask with port 0. */
struct policy_question {
	__u32 subject;
	__u32 identity; /* of the peer; 0: none */
	__u32 network;	/* of the peer; 0: none */
	__be16 port;	/* of the server, for both directions */
	__u8 protocol;
	__u8 direction; /* enum weft_direction */
};

/* The part of a port that names its block. */
weft_inline __be16 policy_block(__be16 port, __u32 shape)
{
	const __u8 kept[WEFT_SHAPE_COUNT][2] = {{0, 0}, {0, 0}, {0xf0, 0}, {0xff, 0}, {0xff, 0xf0}, {0xff, 0xff}};
	__u8 bytes[2];

	__builtin_memcpy(bytes, &port, sizeof(bytes));
	bytes[0] &= kept[shape][0];
	bytes[1] &= kept[shape][1];
	__builtin_memcpy(&port, bytes, sizeof(bytes));
	return port;
}

weft_inline struct weft_policy_key policy_key(const struct policy_question *question, __u32 peer, __u32 shape)
{
	struct weft_policy_key key = {
		.subject = question->subject,
		.peer = peer,
		.port = policy_block(question->port, shape),
		.protocol = (__u8)(shape == WEFT_SHAPE_ANY ? 0 : question->protocol),
		.kind = WEFT_POLICY_KIND(question->direction, shape),
	};

	return key;
}

/* Whether `b` decides before `a`: it comes first, or it denies where both are equal. */
weft_inline int policy_comes_first(const struct weft_tier_rule *b, const struct weft_tier_rule *a)
{
	if (b->action == WEFT_ACTION_NONE)
		return 0;
	if (a->action == WEFT_ACTION_NONE || b->precedence < a->precedence)
		return 1;
	return b->precedence == a->precedence && b->action == WEFT_ACTION_DENY;
}

weft_inline void policy_add_row(struct weft_policy *sum, const struct weft_policy *row)
{
	if (policy_comes_first(&row->admin, &sum->admin))
		sum->admin = row->admin;
	if (policy_comes_first(&row->baseline, &sum->baseline))
		sum->baseline = row->baseline;
	if (row->allow != 0 && (sum->allow == 0 || row->allow < sum->allow))
		sum->allow = row->allow;
}

/* The kernel brings its own (lib/policy.h): its verifier walks a function of its own once, not at each of the calls. */
#ifndef policy_visit
weft_inline void policy_visit(const void *tables, struct weft_policy *sum, const struct weft_policy_key *key)
{
	const struct weft_policy *row = policy_find_row(tables, key);

	if (row)
		policy_add_row(sum, row);
}
#endif

/* All rows that match the question, reduced tier by tier. At most 18 look-ups; usually one to four. */
weft_inline struct weft_policy policy_sum(const void *tables, const struct weft_subject_side *side,
					  const struct policy_question *question)
{
	const __u32 peers[WEFT_PEER_CLASS_COUNT] = {0, question->identity, question->network};
	struct weft_policy sum = {};

	for (__u32 class_ = 0; class_ < WEFT_PEER_CLASS_COUNT; class_++) {
		if (side->shapes[class_] == 0 || (class_ != WEFT_PEER_CLASS_ANY && peers[class_] == 0))
			continue;
		for (__u32 shape = 0; shape < WEFT_SHAPE_COUNT; shape++) {
			struct weft_policy_key key;

			if (!(side->shapes[class_] & 1 << shape))
				continue;
			key = policy_key(question, peers[class_], shape);
			policy_visit(tables, &sum, &key);
		}
	}
	return sum;
}

weft_inline struct weft_decision policy_make_decision(__u32 rule, enum weft_verdict verdict,
						      enum weft_verdict_reason reason)
{
	struct weft_decision decision = {
		.rule = rule,
		.verdict = (__u8)verdict,
		.reason = (__u8)reason,
		.reserved = 0,
	};

	return decision;
}

weft_inline struct weft_decision policy_tier_decision(const struct weft_tier_rule *rule,
						      enum weft_verdict_reason reason)
{
	return policy_make_decision(rule->rule,
				    rule->action == WEFT_ACTION_DENY ? WEFT_VERDICT_DENY : WEFT_VERDICT_ALLOW, reason);
}

/* What a node sends to its own pods, which no policy can deny. `own_flags` are those of the protected address. */
weft_inline int policy_is_own_node(__u32 own_flags, const struct weft_peer *peer, __u32 direction)
{
	return direction == WEFT_INGRESS && (peer->flags & WEFT_PEER_LOCAL_NODE) && !(own_flags & WEFT_PEER_PROCESS);
}

/* What no policy can deny; WEFT_REASON_NO_POLICY: nothing of that. `peer` and `own` are the rows of the two addresses.
 */
weft_inline enum weft_verdict_reason policy_exemption(const struct weft_peer *own, const struct weft_peer *peer,
						      __u32 direction)
{
	if (own->owner != 0 && own->owner == peer->owner)
		return WEFT_REASON_ITSELF;
	if (policy_is_own_node(own->flags, peer, direction))
		return WEFT_REASON_OWN_NODE;
	return WEFT_REASON_NO_POLICY;
}

/* The first line that applies decides, after what policy_exemption() lets through:
 *
 *   1. Admin tier       the matching rule of lowest precedence: Accept → allowed, Deny → denied; Pass or no rule → 2
 *   2. NetworkPolicy    a rule allows → allowed
 *   3. NetworkPolicy    the subject is isolated in this direction → denied, in the name of the isolating policy
 *   4. Baseline tier    as 1; Pass or no rule → 5
 *   5.                  allowed
 */
weft_inline struct weft_decision policy_decide(const struct weft_policy *sum, const struct weft_subject_side *side)
{
	if (sum->admin.action == WEFT_ACTION_ACCEPT || sum->admin.action == WEFT_ACTION_DENY)
		return policy_tier_decision(&sum->admin, WEFT_REASON_ADMIN);
	if (sum->allow != 0)
		return policy_make_decision(sum->allow, WEFT_VERDICT_ALLOW, WEFT_REASON_NETWORK);
	if (side->flags & WEFT_SIDE_ISOLATED)
		return policy_make_decision(side->isolated_by, WEFT_VERDICT_DENY, WEFT_REASON_DEFAULT_DENY);
	if (sum->baseline.action == WEFT_ACTION_ACCEPT || sum->baseline.action == WEFT_ACTION_DENY)
		return policy_tier_decision(&sum->baseline, WEFT_REASON_BASELINE);
	return policy_make_decision(0, WEFT_VERDICT_ALLOW, WEFT_REASON_NO_POLICY);
}

#endif
