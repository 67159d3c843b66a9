/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What the kernel keeps with a socket (BPF_MAP_TYPE_SK_STORAGE): freed with the socket, so nothing can leak and nobody
 * can push somebody else's entry out.
 */
#ifndef WEFT_ABI_SOCKET_H
#define WEFT_ABI_SOCKET_H

#include "weft/abi/types.h"

enum weft_socket_flag {
	WEFT_SOCKET_SERVICE = 1 << 0,	  /* connected through a service address */
	WEFT_SOCKET_ESTABLISHED = 1 << 1, /* counted as opened */
	WEFT_SOCKET_PASSIVE = 1 << 2,	  /* told by the server's socket */
	WEFT_SOCKET_CLOSED = 1 << 3,	  /* counted as closed */
};

/* What was counted so far, so that steps of an open connection add up to the total at its close. */
struct weft_counted {
	__u64 sent_bytes; /* by this socket */
	__u64 received_bytes;
	__u64 sent_packets;
	__u64 received_packets;
	__u64 retransmits;
};
WEFT_ABI_SIZE(struct weft_counted, 40);

struct weft_socket {
	struct weft_address service_address;
	struct weft_address endpoint_address;
	__be16 service_port;
	__be16 endpoint_port;
	__u8 protocol;
	__u8 flags; /* enum weft_socket_flag */
	__u16 endpoint_zone;
	__u32 service;
	__u32 endpoint;
	__u32 source_workload;
	__u32 destination_workload;
	__u16 source_zone;
	__u16 destination_zone;
	__u32 pid;
	__u64 cgroup;
	__u64 started_ns;
	__u64 established_ns;
	struct weft_counted counted;
	char command[16];
	__u64 listed_ns;   /* when the list of connections last heard of its bytes */
	__u32 reserved[2]; /* the storage of a live socket cannot be copied: additions go here */
};
WEFT_ABI_SIZE(struct weft_socket, 160);

/* Services that an unconnected UDP socket talks to. QUIC and DNS need the same endpoint for every datagram. */
#define WEFT_UDP_PEERS 8 /* a socket that talks to more services at once forgets the oldest */

struct weft_udp_peer {
	struct weft_address service_address;
	struct weft_address endpoint_address;
	__be16 service_port; /* 0: free */
	__be16 endpoint_port;
	__u32 service;
	__u32 endpoint;
	__u32 generation; /* of the service when chosen */
};
WEFT_ABI_SIZE(struct weft_udp_peer, 48);

struct weft_udp_socket {
	struct weft_udp_peer peer[WEFT_UDP_PEERS];
	__u32 next;
	__u32 pid;
	__u32 latest; /* weft_udp_peer.service and service_port of the last datagram sent */
	__be16 latest_port;
	__u16 reserved;
};
WEFT_ABI_SIZE(struct weft_udp_socket, 400);

#endif
