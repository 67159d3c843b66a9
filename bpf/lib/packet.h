/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Headers of a packet at the edge of a pod. Bytes are copied out of the packet, which may lie in pieces: the result is the
 * same for every split of it.
 */
#ifndef WEFT_LIB_PACKET_H
#define WEFT_LIB_PACKET_H

#include "lib/address.h"

enum { WEFT_PASS = -1 /* TCX_NEXT, TC_ACT_UNSPEC: the next program is asked */, WEFT_DROP = 2 /* TC_ACT_SHOT */ };

enum {
	ETH_HEADER = 14,
	ETH_P_ARP = 0x0806,
	ETH_P_IPV4 = 0x0800,
	ETH_P_IPV6 = 0x86DD,
	IPPROTO_ICMP = 1,
	IPPROTO_ICMPV6 = 58,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	TCP_FIN = 1,
	TCP_SYN = 2,
	TCP_RST = 4,
	TCP_ACK = 16,
};

struct weft_ipv4_header { /* RFC 791, without options */
	__u8 version_length, tos;
	__be16 length, id, fragment;
	__u8 ttl, protocol;
	__be16 checksum;
	__be32 source, destination;
};

struct weft_ipv6_header { /* RFC 8200 */
	__be32 version_class_flow;
	__be16 length;
	__u8 next, hops;
	struct weft_address source, destination;
};

enum weft_fragment_state { WEFT_WHOLE = 0, WEFT_FIRST_FRAGMENT = 1, WEFT_LATER_FRAGMENT = 2 };

enum weft_icmp_kind {
	WEFT_ICMP_NONE = 0,
	WEFT_ICMP_QUERY = 1,	 /* a request or its answer; ports hold the identifier */
	WEFT_ICMP_ERROR = 2,	 /* quotes a packet of the receiver */
	WEFT_ICMP_NEIGHBOUR = 3, /* neighbour and router discovery, multicast listeners: the link itself */
};

struct weft_packet {
	struct weft_address source;
	struct weft_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol; /* of the transport */
	__u8 tcp_flags;
	__u8 fragment; /* enum weft_fragment_state */
	__u8 icmp;     /* enum weft_icmp_kind */
	__be32 fragment_id;
	__u16 network_offset;
	__u16 transport_offset;
	__u8 version; /* 4 or 6 */
	__u8 plain;   /* no options and no extension headers */
	__u8 icmp_type;
	__u8 reserved;
};

/* 0, or the enum weft_drop + 1 that tells why it cannot be read. */
enum { WEFT_PARSED = 0 };
#define WEFT_UNREADABLE(drop) ((drop) + 1)

#define WEFT_MOST_EXTENSION_HEADERS 8 /* reliability: deeper ones are not looked into */

enum { HDR_HOP_BY_HOP = 0, HDR_ROUTING = 43, HDR_FRAGMENT = 44, HDR_AUTHENTICATION = 51, HDR_DESTINATION = 60 };

weft_inline bool is_extension(__u8 protocol)
{
	return protocol == HDR_HOP_BY_HOP || protocol == HDR_ROUTING || protocol == HDR_FRAGMENT ||
	       protocol == HDR_AUTHENTICATION || protocol == HDR_DESTINATION;
}

weft_inline int read_fragment_header(struct __sk_buff *skb, __u32 offset, struct weft_packet *packet)
{
	struct {
		__u8 next, reserved;
		__be16 offset_and_more;
		__be32 id;
	} header;

	if (bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
		return -1;
	packet->fragment_id = header.id;
	if (header.offset_and_more & bpf_htons(0xfff8))
		packet->fragment = WEFT_LATER_FRAGMENT;
	else if (header.offset_and_more & bpf_htons(1))
		packet->fragment = WEFT_FIRST_FRAGMENT;
	return 0;
}

/* RFC 8200, 4: the length byte counts 8 octets without the first 8; that of AH (RFC 4302) 4 octets without the first 8. */
weft_inline int skip_extensions(struct __sk_buff *skb, __u32 *offset, __u8 *next, struct weft_packet *packet)
{
	/* Unrolled: Linux before 6.5 refuses a loop whose head is reached by falling into it from its tail. */
#pragma unroll
	for (int i = 0; i < WEFT_MOST_EXTENSION_HEADERS + 1; i++) {
		__u8 head[2];
		__u8 now = *next;

		if (!is_extension(now) || packet->fragment == WEFT_LATER_FRAGMENT)
			return WEFT_PARSED;
		if (i == WEFT_MOST_EXTENSION_HEADERS)
			return WEFT_UNREADABLE(WEFT_DROP_HEADERS);
		if (bpf_skb_load_bytes(skb, *offset, head, sizeof(head)))
			return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
		packet->plain = 0;
		*next = head[0];
		if (now == HDR_FRAGMENT) {
			if (read_fragment_header(skb, *offset, packet))
				return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
			*offset += 8;
		} else {
			*offset += now == HDR_AUTHENTICATION ? (head[1] + 2u) * 4 : (head[1] + 1u) * 8;
		}
	}
	return WEFT_UNREADABLE(WEFT_DROP_HEADERS);
}

weft_inline __u8 icmp4_kind(__u8 type)
{
	switch (type) {
	case 3:
	case 4:
	case 5:
	case 11:
	case 12:
		return WEFT_ICMP_ERROR;
	case 0:
	case 8:
	case 13:
	case 14:
		return WEFT_ICMP_QUERY;
	}
	return WEFT_ICMP_NONE;
}

weft_inline __u8 icmp6_kind(__u8 type)
{
	if (type >= 1 && type <= 4)
		return WEFT_ICMP_ERROR;
	if (type == 128 || type == 129)
		return WEFT_ICMP_QUERY;
	if ((type >= 130 && type <= 137) || type == 143)
		return WEFT_ICMP_NEIGHBOUR;
	return WEFT_ICMP_NONE;
}

weft_inline int parse_icmp(struct __sk_buff *skb, struct weft_packet *packet)
{
	struct {
		__u8 type, code;
		__be16 checksum, id;
	} header;

	if (bpf_skb_load_bytes(skb, packet->transport_offset, &header, sizeof(header)))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	packet->icmp_type = header.type;
	packet->icmp = packet->protocol == IPPROTO_ICMP ? icmp4_kind(header.type) : icmp6_kind(header.type);
	if (packet->icmp == WEFT_ICMP_QUERY)
		packet->source_port = packet->destination_port = header.id;
	return WEFT_PARSED;
}

weft_inline int parse_transport(struct __sk_buff *skb, struct weft_packet *packet)
{
	__be16 ports[2];

	if (packet->fragment == WEFT_LATER_FRAGMENT)
		return WEFT_PARSED;
	if (packet->protocol == IPPROTO_ICMP || packet->protocol == IPPROTO_ICMPV6)
		return parse_icmp(skb, packet);
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP && packet->protocol != IPPROTO_SCTP)
		return WEFT_PARSED;
	if (bpf_skb_load_bytes(skb, packet->transport_offset, ports, sizeof(ports)))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	packet->source_port = ports[0];
	packet->destination_port = ports[1];
	if (packet->protocol == IPPROTO_TCP &&
	    bpf_skb_load_bytes(skb, packet->transport_offset + 13, &packet->tcp_flags, 1))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	return WEFT_PARSED;
}

weft_inline int parse_ipv4(struct __sk_buff *skb, __u32 offset, struct weft_packet *packet)
{
	struct weft_ipv4_header header;
	__u32 header_bytes;

	if (bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	header_bytes = (header.version_length & 15) * 4;
	if (header.version_length >> 4 != 4 || header_bytes < IPV4_HEADER || bpf_ntohs(header.length) < header_bytes)
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	packet->version = 4;
	packet->plain = header_bytes == IPV4_HEADER;
	packet->source = address_from_v4(header.source);
	packet->destination = address_from_v4(header.destination);
	packet->protocol = header.protocol;
	packet->fragment_id = header.id;
	if (header.fragment & bpf_htons(0x1fff))
		packet->fragment = WEFT_LATER_FRAGMENT;
	else if (header.fragment & bpf_htons(0x2000))
		packet->fragment = WEFT_FIRST_FRAGMENT;
	/* Would overwrite the flags that the first fragment was judged by (RFC 3128). */
	if (packet->fragment == WEFT_LATER_FRAGMENT && packet->protocol == IPPROTO_TCP &&
	    (header.fragment & bpf_htons(0x1fff)) == bpf_htons(1))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	packet->network_offset = offset;
	packet->transport_offset = offset + header_bytes;
	return parse_transport(skb, packet);
}

weft_inline int parse_ipv6(struct __sk_buff *skb, __u32 offset, struct weft_packet *packet)
{
	struct weft_ipv6_header header;
	__u32 at = offset + IPV6_HEADER;
	int unreadable;

	if (bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	if (bpf_ntohl(header.version_class_flow) >> 28 != 6)
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	/* A mapped address on the wire would pass for the IPv4 address that it is written like (RFC 4291, 2.5.5.2). */
	if (address_is_v4(&header.source) || address_is_v4(&header.destination))
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	packet->version = 6;
	packet->plain = 1;
	packet->source = header.source;
	packet->destination = header.destination;
	packet->network_offset = offset;
	unreadable = skip_extensions(skb, &at, &header.next, packet);
	if (unreadable)
		return unreadable;
	packet->protocol = header.next;
	packet->transport_offset = at;
	return parse_transport(skb, packet);
}

/* `packet` is zero on entry. `version` is 4 or 6. */
weft_global int parse_packet(struct __sk_buff *skb, __u32 offset, __u32 version, struct weft_packet *packet)
{
	if (!packet)
		return WEFT_UNREADABLE(WEFT_DROP_MALFORMED);
	return version == 4 ? parse_ipv4(skb, offset, packet) : parse_ipv6(skb, offset, packet);
}

#endif
