/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The verdict on a packet of a pod. The first line that applies decides:
 *
 *   1. an answer that a program of ours wrote                            → pass
 *   2. ARP, IPv4 and IPv6 whose source is not the pod's own              → drop (out of the pod)
 *   3. headers that cannot be read; a fragment without its first one     → drop, where the pod is under policy
 *   4. neighbour discovery; the pod to itself                            → pass
 *   5. the pod is not under policy in this direction                     → pass
 *   6. policy allows it                                                  → pass
 *   7. it belongs to a conversation that began the other way, and policy
 *      allows that one now                                               → pass
 *   8.                                                                   → drop, and tell the sender
 *
 * 6 stands before 7 because it is cheaper and both pass.
 */
#ifndef WEFT_LIB_POD_H
#define WEFT_LIB_POD_H

#include "lib/answer.h"
#include "lib/flow.h"
#include "lib/policy.h"
#include "lib/reply.h"

struct weft_pod_case {
	struct weft_pod_ends ends;
	__u64 now_ns;
	__u32 subject;
	__u32 owner;
	__u32 own_flags; /* enum weft_peer_flag of the pod's address */
	__s32 netns_id;
	__u32 interface;
	__u8 direction; /* of the packet, seen from the pod */
	__u8 opens;	/* begins a connection */
	__u8 decided;	/* direction of the connection that the decision is about: the other one for a denied reply */
	__u8 reserved;
	struct weft_decision decision;
};

/* The stack of 512 bytes is shared by a program and all that it calls: what all of them look at lies here. One packet at a
 * time on a processor: neither program is entered again before it returns. */
struct weft_scratch {
	struct weft_packet packet;
	struct weft_pod_case pod;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct weft_scratch);
} weft_scratch __weak SEC(".maps");

weft_inline int pod_drop(enum weft_drop reason)
{
	__u32 index = reason;
	__u64 *value = bpf_map_lookup_elem(&weft_drops, &index);

	if (value)
		weft_add(*value, 1);
	return WEFT_DROP;
}

weft_inline void verdict_count(const struct weft_decision *decision, __u8 direction, __u8 audit, __u64 now_ns)
{
	struct weft_verdict_key key = {
		.rule = decision->rule,
		.direction = direction,
		.verdict = decision->verdict,
		.reason = decision->reason,
		.audit = audit,
	};
	struct weft_verdict_count *count = bpf_map_lookup_elem(&weft_verdicts, &key);
	struct weft_verdict_count first = {.decisions = 1, .last_ns = now_ns};
	long error;

	if (count) {
		weft_add(count->decisions, 1);
		count->last_ns = now_ns;
		return;
	}
	error = bpf_map_update_elem(&weft_verdicts, &key, &first, BPF_NOEXIST);
	if (error)
		count_helper_error(WEFT_HELPER_VERDICT_UPDATE, error);
}

/* Whether so much time went by since the last was told under this key; then one is told now. */
weft_inline bool is_due(const struct weft_reply_key *key, __u64 now_ns, __u64 pace_ns)
{
	__u64 *last = bpf_map_lookup_elem(&weft_told, key);

	if (last && now_ns - *last < pace_ns)
		return false;
	bpf_map_update_elem(&weft_told, key, &now_ns, BPF_ANY); /* not kept: told again */
	return true;
}

/* Of denials one record a second for each pair of ends and port of the server: who is denied knocks again and again, and
 * all are counted by rule. Of what audited policies would deny one for each connection, as of those that are open. */
#define WEFT_TELL_PACE_NS 1000000000ull

weft_inline bool should_tell(const struct weft_pod_case *pod, __be16 server_port, __be16 client_port, __u8 kind)
{
	struct weft_reply_key key = {
		.pod = pod->ends.pod,
		.peer = pod->ends.peer,
		.pod_port = server_port,
		.peer_port = kind == WEFT_FLOW_AUDIT ? client_port : 0,
		.protocol = pod->ends.protocol,
		.reserved = {kind, pod->direction},
	};

	return is_due(&key, pod->now_ns, WEFT_TELL_PACE_NS);
}

/* Errors to one sender about one port: as many as a client needs that tries again, too few to be of use to a flood (RFC 1812,
 * 4.3.2.8). */
#define WEFT_ERROR_PACE_NS 100000000ull
#define WEFT_TOLD_BY_ERROR 255 /* beside the kinds of records in keys of weft_told */

weft_global int may_tell_again(const struct weft_pod_case *pod)
{
	struct weft_reply_key key = {};

	if (!pod)
		return 0;
	key.pod = pod->ends.pod;
	key.peer = pod->ends.peer;
	key.pod_port = pod->ends.pod_port;
	key.protocol = pod->ends.protocol;
	key.reserved[0] = WEFT_TOLD_BY_ERROR;
	key.reserved[1] = pod->direction;
	return is_due(&key, pod->now_ns, WEFT_ERROR_PACE_NS);
}

weft_global int policy_record(const struct weft_pod_case *pod, __u8 kind, __u8 flow_direction)
{
	struct weft_owner client, server;
	struct weft_flow_event *event;
	__be16 server_port, client_port;
	bool pod_is_client;

	if (!pod)
		return 0;
	pod_is_client = flow_direction == WEFT_EGRESS;
	server_port = pod_is_client ? pod->ends.peer_port : pod->ends.pod_port;
	client_port = pod_is_client ? pod->ends.pod_port : pod->ends.peer_port;
	if (!should_tell(pod, server_port, client_port, kind))
		return 0;
	client = owner_of_address(pod_is_client ? &pod->ends.pod : &pod->ends.peer, 0, 0, WEFT_IDENTITY_WORLD);
	server = owner_of_address(pod_is_client ? &pod->ends.peer : &pod->ends.pod, server_port, pod->ends.protocol,
				  WEFT_IDENTITY_WORLD);
	event = event_reserve(bpf_ktime_get_ns());
	if (!event)
		return 0;
	event->kind = kind;
	event->protocol = pod->ends.protocol;
	event->reporter = pod_is_client ? WEFT_REPORTER_SOURCE : WEFT_REPORTER_DESTINATION;
	event->source = pod_is_client ? pod->ends.pod : pod->ends.peer;
	event->destination = pod_is_client ? pod->ends.peer : pod->ends.pod;
	event->source_port = client_port;
	event->destination_port = server_port;
	event->source_workload = client.workload;
	event->source_zone = client.zone;
	event->destination_workload = server.workload;
	event->destination_zone = server.zone;
	event->reason = pod->decision.reason;
	event->direction = flow_direction;
	event->rule = pod->decision.rule;
	event_submit(event);
	return 0;
}

weft_inline void question_about(const struct weft_pod_case *pod, __u32 subject, __u8 direction,
				struct weft_side_question *question)
{
	question->peer = pod->ends.peer;
	question->port = direction == WEFT_EGRESS ? pod->ends.peer_port : pod->ends.pod_port;
	question->protocol = pod->ends.protocol;
	if (question->protocol == IPPROTO_ICMP || question->protocol == IPPROTO_ICMPV6)
		question->port = 0; /* holds an identifier */
	question->direction = direction;
	question->subject = subject;
	question->own_flags = pod->own_flags;
}

/* What audited policies would have decided about a new connection that passes. */
weft_global int audit(struct weft_pod_case *pod)
{
	struct weft_side_question question = {};
	struct weft_decision kept, decision = {};
	struct weft_subject *subject;
	struct weft_peer peer = {};
	__u32 id;

	if (!pod)
		return 0;
	id = pod->subject;
	subject = bpf_map_lookup_elem(&weft_subjects, &id);
	if (!subject || !subject->audit)
		return 0;
	question_about(pod, subject->audit, pod->direction, &question);
	policy_ask(&question, &decision, &peer);
	if (decision.verdict == WEFT_VERDICT_ALLOW)
		return 0;
	verdict_count(&decision, pod->direction, 1, pod->now_ns);
	kept = pod->decision;
	pod->decision = decision;
	policy_record(pod, WEFT_FLOW_AUDIT, pod->direction);
	pod->decision = kept;
	return 0;
}

weft_inline __u8 opposite(__u8 direction)
{
	return direction == WEFT_EGRESS ? WEFT_INGRESS : WEFT_EGRESS;
}

/* Line 7. The direction in which the conversation began, or -1. */
weft_inline int began_as(struct __sk_buff *skb, const struct weft_pod_case *pod)
{
	__u8 other = opposite(pod->direction);

	if (pod->ends.protocol == IPPROTO_TCP) {
		int role = tcp_role(skb, &pod->ends, pod->netns_id);

		if (role == WEFT_ROLE_CLIENT)
			return WEFT_EGRESS;
		if (role == WEFT_ROLE_SERVER)
			return WEFT_INGRESS;
		return pod->ends.tcp_flags & TCP_RST ? other : -1; /* refuses a connection that policy let through */
	}
	return reply_began(&pod->ends, pod->owner, other, pod->now_ns) ? other : -1;
}

enum weft_judgement { WEFT_JUDGED_DENIED = 0, WEFT_JUDGED_ALLOWED = 1, WEFT_JUDGED_OPENS = 2 /* allowed, and new */ };

/* Line 7. Leaves the decision about the conversation in `pod` when that is a denial. */
weft_global int allowed_as_reply(struct __sk_buff *skb, struct weft_pod_case *pod)
{
	struct weft_side_question question = {};
	struct weft_decision decision = {};
	struct weft_peer peer = {};
	int began;

	if (!pod)
		return 0;
	began = began_as(skb, pod);
	if (began < 0 || began == pod->direction)
		return 0;
	question_about(pod, pod->subject, began, &question);
	policy_ask(&question, &decision, &peer);
	if (decision.verdict == WEFT_VERDICT_ALLOW)
		return 1;
	pod->decision = decision;
	pod->decided = began;
	return 0;
}

/* Whether nothing has to be known of a conversation: its answers pass by themselves. */
weft_inline bool may_forget(const struct weft_pod_case *pod)
{
	__u32 id = pod->subject;
	struct weft_subject *subject = bpf_map_lookup_elem(&weft_subjects, &id);

	/* Under audit each conversation is told once, so that its first packet has to be known. */
	return !subject || (!subject->audit && side_is_open(&subject->side[opposite(pod->direction)]));
}

/* Whether the packet, which passes, is the first of a conversation. A function of its own for its stack. */
weft_global int opens_conversation(const struct weft_pod_case *pod)
{
	if (!pod)
		return 0;
	if (pod->ends.protocol == IPPROTO_TCP || may_forget(pod))
		return pod->opens;
	return reply_remember(&pod->ends, pod->owner, pod->direction, pod->now_ns);
}

/* Lines 5 and 6, and what a packet that passes leaves behind. */
weft_global int pod_judge(struct weft_pod_case *pod)
{
	struct weft_side_question question = {};
	struct weft_peer peer = {};

	if (!pod)
		return WEFT_JUDGED_DENIED;
	question_about(pod, pod->subject, pod->direction, &question);
	policy_ask(&question, &pod->decision, &peer);
	pod->decided = pod->direction;
	if (pod->decision.verdict == WEFT_VERDICT_DENY)
		return WEFT_JUDGED_DENIED;
	if (!opens_conversation(pod))
		return WEFT_JUDGED_ALLOWED;
	verdict_count(&pod->decision, pod->direction, 0, pod->now_ns);
	return WEFT_JUDGED_OPENS;
}

#endif
