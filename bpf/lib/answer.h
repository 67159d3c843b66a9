/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Tells the sender of a denied packet at once: a TCP segment becomes the reset (RFC 9293, 3.10.7.1), a datagram the ICMP
 * error "communication administratively prohibited" (RFC 1812, 5.2.7.1; RFC 4443, 3.1), and goes back where it came from.
 * Only packets without options of IP and extension headers; others vanish.
 */
#ifndef WEFT_LIB_ANSWER_H
#define WEFT_LIB_ANSWER_H

#include "lib/count.h"
#include "lib/packet.h"

struct weft_tcp_header {
	__be16 source, destination;
	__be32 sequence, acknowledgement;
	__u8 offset, flags;
	__be16 window;
	__be16 checksum, urgent;
};

weft_inline __be16 fold(__u64 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

/* The checksum of a header of TCP_HEADER bytes without payload, over the pseudo header of either version. */
weft_inline __be16 tcp_checksum(struct weft_tcp_header *tcp, const struct weft_packet *packet)
{
	struct {
		struct weft_address source, destination;
		__be32 length, protocol;
	} pseudo = {
		.source = packet->destination,
		.destination = packet->source,
		.length = bpf_htonl(TCP_HEADER),
		.protocol = bpf_htonl(IPPROTO_TCP),
	};
	__s64 sum;

	/* The mapped prefix of IPv4 is no part of its pseudo header. */
	if (packet->version == 4)
		pseudo.source.word[2] = pseudo.destination.word[2] = 0;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)tcp, sizeof(*tcp), (__u32)sum);
	return fold((__u32)sum);
}

/* Sequence numbers of a reset that the sender accepts: RFC 9293, 3.10.7.1, both cases. */
weft_inline void make_reset(const struct weft_tcp_header *in, __u32 payload_bytes, struct weft_tcp_header *out)
{
	__builtin_memset(out, 0, sizeof(*out));
	out->source = in->destination;
	out->destination = in->source;
	out->offset = (TCP_HEADER / 4) << 4;
	if (in->flags & TCP_ACK) {
		out->sequence = in->acknowledgement;
		out->flags = TCP_RST;
		return;
	}
	payload_bytes += in->flags & TCP_SYN ? 1 : 0;
	payload_bytes += in->flags & TCP_FIN ? 1 : 0;
	out->acknowledgement = bpf_htonl(bpf_ntohl(in->sequence) + payload_bytes);
	out->flags = TCP_RST | TCP_ACK;
}

/* Back to the sender. */
weft_inline void make_ipv4(const struct weft_packet *packet, __u8 protocol, __u16 bytes, struct weft_ipv4_header *ip)
{
	ip->version_length = 0x45;
	ip->length = bpf_htons(bytes);
	ip->fragment = protocol == IPPROTO_TCP ? bpf_htons(0x4000) : 0;
	ip->ttl = 64;
	ip->protocol = protocol;
	ip->source = packet->destination.word[3];
	ip->destination = packet->source.word[3];
	ip->checksum = fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
}

weft_inline void make_ipv6(const struct weft_packet *packet, __u8 next, __u16 payload_bytes,
			   struct weft_ipv6_header *ip)
{
	ip->version_class_flow = bpf_htonl(6u << 28);
	ip->length = bpf_htons(payload_bytes);
	ip->next = next;
	ip->hops = 64;
	ip->source = packet->destination;
	ip->destination = packet->source;
}

weft_inline long swap_links(struct __sk_buff *skb)
{
	__u8 addresses[12], swapped[12];

	if (bpf_skb_load_bytes(skb, 0, addresses, sizeof(addresses)))
		return -1;
	__builtin_memcpy(swapped, addresses + 6, 6);
	__builtin_memcpy(swapped + 6, addresses, 6);
	return bpf_skb_store_bytes(skb, 0, swapped, sizeof(swapped), 0);
}

/* Returns 0 when `skb` is the answer now. */
weft_inline int replace_packet(struct __sk_buff *skb, const void *from_network, __u32 bytes)
{
	long error = bpf_skb_change_tail(skb, ETH_HEADER + bytes, 0);

	if (!error)
		error = swap_links(skb);
	if (!error)
		error = bpf_skb_store_bytes(skb, ETH_HEADER, from_network, bytes, BPF_F_INVALIDATE_HASH);
	if (error)
		count_helper_error(WEFT_HELPER_ANSWER, error);
	return error ? -1 : 0;
}

struct weft_reset4 {
	struct weft_ipv4_header ip;
	struct weft_tcp_header tcp;
};

struct weft_reset6 {
	struct weft_ipv6_header ip;
	struct weft_tcp_header tcp;
};

/* Returns 0 when `skb` is the reset now. */
weft_global int write_reset(struct __sk_buff *skb, const struct weft_packet *packet)
{
	struct weft_reset4 reset4 = {};
	struct weft_reset6 reset6 = {};
	struct weft_tcp_header in, out;
	__u32 transport, payload = 0;

	if (!packet || !packet->plain || packet->fragment != WEFT_WHOLE || (packet->tcp_flags & TCP_RST))
		return -1;
	transport = packet->version == 4 ? ETH_HEADER + IPV4_HEADER : ETH_HEADER + IPV6_HEADER;
	if (bpf_skb_load_bytes(skb, transport, &in, sizeof(in)))
		return -1; /* cut short */
	if (skb->len > transport + (in.offset >> 4) * 4u)
		payload = skb->len - transport - (in.offset >> 4) * 4u;
	make_reset(&in, payload, &out);
	out.checksum = tcp_checksum(&out, packet);
	if (packet->version == 4) {
		make_ipv4(packet, IPPROTO_TCP, sizeof(reset4), &reset4.ip);
		reset4.tcp = out;
		return replace_packet(skb, &reset4, sizeof(reset4));
	}
	make_ipv6(packet, IPPROTO_TCP, sizeof(reset6.tcp), &reset6.ip);
	reset6.tcp = out;
	return replace_packet(skb, &reset6, sizeof(reset6));
}

/* What an error quotes: the IP header and the 8 bytes behind it, which hold the ports (RFC 792; of IPv6, RFC 4443 would take
 * more, and its receivers need no more). */
struct weft_prohibited4 {
	struct weft_ipv4_header ip;
	__u8 type, code;
	__be16 checksum;
	__be32 unused;
	__u8 quoted[IPV4_HEADER + 8];
};

struct weft_prohibited6 {
	struct weft_ipv6_header ip;
	__u8 type, code;
	__be16 checksum;
	__be32 unused;
	__u8 quoted[IPV6_HEADER + 8];
};

weft_global int write_prohibited4(struct __sk_buff *skb, const struct weft_packet *packet)
{
	struct weft_prohibited4 out = {};

	if (!packet || bpf_skb_load_bytes(skb, ETH_HEADER, out.quoted, sizeof(out.quoted)))
		return -1;
	make_ipv4(packet, IPPROTO_ICMP, sizeof(out), &out.ip);
	out.type = 3;
	out.code = 13;
	out.checksum = fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)&out.type, sizeof(out) - sizeof(out.ip), 0));
	return replace_packet(skb, &out, sizeof(out));
}

weft_global int write_prohibited6(struct __sk_buff *skb, const struct weft_packet *packet)
{
	struct weft_prohibited6 out = {};
	const __u32 icmp_bytes = sizeof(out) - sizeof(out.ip);
	__be32 pseudo[2] = {bpf_htonl(icmp_bytes), bpf_htonl(IPPROTO_ICMPV6)};
	__s64 sum;

	if (!packet || bpf_skb_load_bytes(skb, ETH_HEADER, out.quoted, sizeof(out.quoted)))
		return -1;
	make_ipv6(packet, IPPROTO_ICMPV6, icmp_bytes, &out.ip);
	out.type = 1;
	out.code = 1;
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&out.ip.source, 2 * sizeof(out.ip.source), 0);
	sum = bpf_csum_diff(NULL, 0, pseudo, sizeof(pseudo), (__u32)sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&out.type, icmp_bytes, (__u32)sum);
	out.checksum = fold((__u32)sum);
	return replace_packet(skb, &out, sizeof(out));
}

/* Never about an ICMP error, a fragment that is not the first, or a sender or receiver that is a group (RFC 1122, 3.2.2). */
weft_inline bool may_be_told(const struct weft_packet *packet)
{
	__be32 to = packet->destination.word[3];

	if (!packet->plain || packet->fragment == WEFT_LATER_FRAGMENT || packet->icmp == WEFT_ICMP_ERROR)
		return false;
	if (packet->version == 6)
		return (packet->destination.word[0] & bpf_htonl(0xff000000)) != bpf_htonl(0xff000000);
	return (to & bpf_htonl(0xf0000000)) != bpf_htonl(0xe0000000) && to != 0xffffffff;
}

/* Returns 0 when `skb` is the error now. */
weft_inline int write_prohibited(struct __sk_buff *skb, const struct weft_packet *packet)
{
	if (!may_be_told(packet))
		return -1;
	return packet->version == 4 ? write_prohibited4(skb, packet) : write_prohibited6(skb, packet);
}

#endif
