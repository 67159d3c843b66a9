// SPDX-License-Identifier: GPL-2.0-only
/* Packets of pods, on the host side of their interfaces: tcx ingress is what leaves the pod, tcx egress what reaches it.
 * Where tcx is missing (before 6.6) the same programs hang on clsact. Policy fails closed; what is no pod's passes. */
#include "lib/pod.h"

weft_inline bool source_is_own(__u32 interface, const struct weft_address *address)
{
	struct weft_source_key key = {.interface = interface, .address = *address};

	return bpf_map_lookup_elem(&weft_sources, &key);
}

/* The sender's address of an ARP packet (RFC 826, for Ethernet and IPv4); probes have none (RFC 5227). */
weft_inline int judge_arp(struct __sk_buff *skb)
{
	struct weft_address sender;
	__be32 address;

	if (bpf_skb_load_bytes(skb, ETH_HEADER + 14, &address, sizeof(address)))
		return pod_drop(WEFT_DROP_MALFORMED);
	sender = address_from_v4(address);
	if (address && !source_is_own(skb->ifindex, &sender))
		return pod_drop(WEFT_DROP_SOURCE);
	return WEFT_PASS;
}

weft_inline bool is_link_local(const struct weft_address *a)
{
	return (a->word[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000);
}

weft_inline bool is_unspecified(const struct weft_address *a)
{
	return !(a->word[0] | a->word[1] | a->word[2] | a->word[3]);
}

/* A neighbour advertisement claims its target (RFC 4861, 4.4). */
weft_inline bool advertises_foreign(struct __sk_buff *skb, const struct weft_packet *packet)
{
	struct weft_address target;

	if (packet->icmp_type != 136)
		return false;
	if (bpf_skb_load_bytes(skb, packet->transport_offset + 8, &target, sizeof(target)))
		return true;
	return !is_link_local(&target) && !source_is_own(skb->ifindex, &target);
}

weft_inline bool source_is_forged(struct __sk_buff *skb, const struct weft_packet *packet)
{
	if (packet->icmp == WEFT_ICMP_NEIGHBOUR && packet->version == 6) {
		if (advertises_foreign(skb, packet))
			return true;
		if (is_link_local(&packet->source) || is_unspecified(&packet->source))
			return false;
	}
	return !source_is_own(skb->ifindex, &packet->source);
}

weft_inline void ends_of_packet(const struct weft_packet *packet, bool from_pod, struct weft_pod_ends *ends)
{
	ends->pod = from_pod ? packet->source : packet->destination;
	ends->peer = from_pod ? packet->destination : packet->source;
	ends->pod_port = from_pod ? packet->source_port : packet->destination_port;
	ends->peer_port = from_pod ? packet->destination_port : packet->source_port;
	ends->protocol = packet->protocol;
	ends->tcp_flags = packet->tcp_flags;
}

weft_inline struct weft_fragment_key fragment_key(const struct weft_packet *packet, __u32 interface, __u8 direction)
{
	struct weft_fragment_key key = {
		.source = packet->source,
		.destination = packet->destination,
		.id = packet->fragment_id,
		.interface = interface,
		.protocol = packet->protocol,
		.direction = direction,
	};

	return key;
}

weft_inline void remember_fragment(const struct weft_packet *packet, __u32 interface, __u8 direction, bool allowed)
{
	struct weft_fragment_key key = fragment_key(packet, interface, direction);
	struct weft_fragment first = {
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
		.allowed = allowed,
	};
	long error = bpf_map_update_elem(&weft_fragments, &key, &first, BPF_ANY);

	if (error)
		count_helper_error(WEFT_HELPER_FRAGMENT_UPDATE, error);
}

weft_inline bool fragment_is_allowed(const struct weft_packet *packet, __u32 interface, __u8 direction)
{
	struct weft_fragment_key key = fragment_key(packet, interface, direction);
	struct weft_fragment *first = bpf_map_lookup_elem(&weft_fragments, &key);

	return first && first->allowed;
}

/* An ICMP error belongs to the packet that it quotes, which its receiver sent (RFC 1122, 3.2.2; RFC 4443, 2.4). */
weft_global int error_is_expected(struct __sk_buff *skb, const struct weft_packet *error,
				  const struct weft_pod_case *pod)
{
	struct weft_packet quoted = {};
	struct weft_pod_ends ends = {};
	bool to_pod;

	if (!error || !pod)
		return 0;
	parse_packet(skb, error->transport_offset + 8, error->version, &quoted); /* may be cut short behind its ports */
	to_pod = pod->direction == WEFT_INGRESS;
	ends_of_packet(&quoted, to_pod, &ends);
	if (!address_equal(&ends.pod, &pod->ends.pod))
		return 0;
	if (quoted.protocol == IPPROTO_TCP)
		return tcp_role(skb, &ends, pod->netns_id) != WEFT_ROLE_NONE;
	return reply_began(&ends, pod->owner, WEFT_EGRESS, pod->now_ns) ||
	       reply_began(&ends, pod->owner, WEFT_INGRESS, pod->now_ns);
}

weft_inline int deny(struct __sk_buff *skb, const struct weft_packet *packet, struct weft_pod_case *pod)
{
	bool from_pod = pod->direction == WEFT_EGRESS;
	int failed;

	pod_drop(from_pod ? WEFT_DROP_DENIED_EGRESS : WEFT_DROP_DENIED_INGRESS);
	verdict_count(&pod->decision, pod->decided, 0, pod->now_ns);
	policy_record(pod, WEFT_FLOW_DENY, pod->decided);
	if (packet->protocol == IPPROTO_TCP)
		failed = weft_config.silent_resets || write_reset(skb, packet);
	else
		failed = weft_config.silent_errors || !may_tell_again(pod) || write_prohibited(skb, packet);
	if (failed)
		return WEFT_DROP;
	skb->mark = WEFT_MARK_ANSWER;
	return bpf_redirect(skb->ifindex, from_pod ? 0 : BPF_F_INGRESS);
}

/* Lines 3 to 8, for a pod under policy. */
weft_inline int judge(struct __sk_buff *skb, const struct weft_packet *packet, struct weft_pod_case *pod)
{
	int judgement;
	bool passes;

	if (packet->icmp == WEFT_ICMP_NEIGHBOUR)
		return WEFT_PASS;
	if (address_equal(&packet->source, &packet->destination))
		return pod->direction == WEFT_EGRESS || skb->ingress_ifindex == skb->ifindex ? WEFT_PASS
											     : pod_drop(WEFT_DROP_LAND);
	if (packet->fragment == WEFT_LATER_FRAGMENT)
		return fragment_is_allowed(packet, pod->interface, pod->direction) ? WEFT_PASS
										   : pod_drop(WEFT_DROP_FRAGMENT);
	if (packet->icmp == WEFT_ICMP_ERROR && error_is_expected(skb, packet, pod))
		return WEFT_PASS;
	judgement = pod_judge(pod);
	passes = judgement != WEFT_JUDGED_DENIED || (!pod->opens && allowed_as_reply(skb, pod));
	if (judgement == WEFT_JUDGED_OPENS)
		audit(pod);
	if (packet->fragment == WEFT_FIRST_FRAGMENT)
		remember_fragment(packet, pod->interface, pod->direction, passes);
	return passes ? WEFT_PASS : deny(skb, packet, pod);
}

weft_inline bool has_subjects(void)
{
	__u32 zero = 0;
	const struct weft_policy_state *state = bpf_map_lookup_elem(&weft_policy_state, &zero);

	return !state || !state->no_subjects;
}

/* The way of most packets: of a pod that is under no policy, from its own address. Nothing else of them is read. Whatever
 * is not plainly so takes the long way, with the pod's row in `own` when that was found. */
weft_inline bool is_free(struct __sk_buff *skb, __u32 protocol, bool from_pod, struct weft_peer **own)
{
	bool policy = has_subjects();
	struct weft_peer_key key = {};
	__be32 word;
	__u8 next;

	if (!policy && !from_pod)
		return true;

	if (protocol == ETH_P_IPV4) {
		if (bpf_skb_load_bytes(skb, ETH_HEADER + (from_pod ? 12 : 16), &word, sizeof(word)))
			return false;
		key.address = address_from_v4(word);
	} else if (protocol == ETH_P_IPV6) {
		if (bpf_skb_load_bytes(skb, ETH_HEADER + (from_pod ? 8 : 24), &key.address, sizeof(key.address)) ||
		    bpf_skb_load_bytes(skb, ETH_HEADER + 6, &next, sizeof(next)))
			return false;
		if (address_is_v4(&key.address) || next == IPPROTO_ICMPV6 || next == HDR_HOP_BY_HOP)
			return false; /* may be neighbour discovery or multicast listeners */
	} else {
		return false;
	}
	if (policy) {
		*own = bpf_map_lookup_elem(&weft_peers, &key);
		if (*own && (*own)->subject)
			return false;
	}
	return !from_pod || source_is_own(skb->ifindex, &key.address);
}

/* Lines 1 to 3, and whose packet it is. */
weft_inline int handle(struct __sk_buff *skb, __u8 direction)
{
	__u32 zero = 0, index = skb->ifindex, protocol = bpf_ntohs(skb->protocol);
	bool from_pod = direction == WEFT_EGRESS;
	struct weft_interface *interface;
	struct weft_peer_key key = {};
	struct weft_scratch *scratch;
	struct weft_packet *packet;
	struct weft_pod_case *pod;
	struct weft_peer *own = NULL;
	int unreadable;

	if (skb->mark == WEFT_MARK_ANSWER || is_free(skb, protocol, from_pod, &own))
		return WEFT_PASS;
	interface = bpf_map_lookup_elem(&weft_interfaces, &index);
	if (!interface) /* not given to a pod yet, or no longer */
		return WEFT_PASS;
	if (protocol == ETH_P_ARP)
		return from_pod ? judge_arp(skb) : WEFT_PASS;
	if (protocol != ETH_P_IPV4 && protocol != ETH_P_IPV6)
		return from_pod ? pod_drop(WEFT_DROP_PROTOCOL) : WEFT_PASS;
	scratch = bpf_map_lookup_elem(&weft_scratch, &zero);
	if (!scratch)
		return WEFT_DROP; /* never: an array has its one entry */
	__builtin_memset(scratch, 0, sizeof(*scratch));
	packet = &scratch->packet;
	pod = &scratch->pod;
	unreadable = parse_packet(skb, ETH_HEADER, protocol == ETH_P_IPV4 ? 4 : 6, packet);
	if (unreadable)
		return pod_drop((unreadable - 1) & 15);
	if (from_pod && source_is_forged(skb, packet))
		return pod_drop(WEFT_DROP_SOURCE);
	ends_of_packet(packet, from_pod, &pod->ends);
	if (!own) {
		key.address = pod->ends.pod;
		own = bpf_map_lookup_elem(&weft_peers, &key);
	}
	if (!own || !own->subject)
		return WEFT_PASS;
	pod->netns_id = interface->netns_id;
	pod->interface = index;
	pod->direction = direction;
	pod->subject = own->subject;
	pod->owner = own->owner;
	pod->own_flags = own->flags;
	pod->now_ns = bpf_ktime_get_coarse_ns();
	pod->opens = packet->protocol == IPPROTO_TCP && (packet->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
	return judge(skb, packet, pod);
}

SEC("tc")
int weft_pod_egress(struct __sk_buff *skb)
{
	return handle(skb, WEFT_EGRESS);
}

SEC("tc")
int weft_pod_ingress(struct __sk_buff *skb)
{
	return handle(skb, WEFT_INGRESS);
}

/* The loaded policy's answer about one side of a connection, for `weft explain`. The request is the packet: a syscall
 * program may not look into an LPM trie. */
SEC("tc")
int weft_explain(struct __sk_buff *skb)
{
	struct weft_side_question question = {};
	struct weft_explain_request request;
	struct weft_decision decision = {};
	struct weft_peer_key key = {};
	struct weft_peer peer = {};
	struct weft_peer *own;

	if (bpf_skb_load_bytes(skb, 0, &request, sizeof(request)))
		return WEFT_DROP;
	key.address = request.pod;
	own = bpf_map_lookup_elem(&weft_peers, &key);
	request.subject = own ? own->subject : 0;
	question.peer = request.peer;
	question.port = request.port;
	question.protocol = request.protocol;
	question.direction = request.direction;
	question.subject = request.subject;
	question.own_flags = own ? own->flags : 0;
	if (address_equal(&request.pod, &request.peer))
		decision = policy_make_decision(0, WEFT_VERDICT_ALLOW, WEFT_REASON_ITSELF);
	else if (request.subject)
		policy_ask(&question, &decision, &peer);
	else
		peer_of(&question.peer, 0, 0, &peer);
	request.decided_rule = decision.rule;
	request.verdict = decision.verdict;
	request.reason = decision.reason;
	request.peer_identity = peer.identity;
	request.peer_network = peer.network;
	request.peer_flags = peer.flags;
	return bpf_skb_store_bytes(skb, 0, &request, sizeof(request), 0) ? WEFT_DROP : WEFT_PASS;
}
