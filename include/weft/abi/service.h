/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Balancing at connect time. A frontend (address, port, protocol) names a contiguous range of slots; each slot holds an
 * endpoint id. A change writes a new range, then one frontend entry, so no reader sees a mixture of two generations.
 */
#ifndef WEFT_ABI_SERVICE_H
#define WEFT_ABI_SERVICE_H

#include "weft/abi/types.h"

struct weft_service_key {
	struct weft_address address;
	__be16 port;
	__u8 protocol; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	__u8 scope;    /* always 0; room for north-south frontends */
};
WEFT_ABI_SIZE(struct weft_service_key, 20);

enum weft_service_flag {
	WEFT_SERVICE_AFFINITY = 1 << 0, /* sessionAffinity: ClientIP */
};

struct weft_service {
	__u32 service;	  /* numeric name of the Service object; never 0 */
	__u32 first_slot; /* index into weft_slots */
	__u32 slot_count; /* 0: nobody serves it, connections are refused at once */
	__u32 affinity_timeout_s;
	__u16 flags; /* enum weft_service_flag */
	__u16 reserved;
	__u32 generation; /* another one for each range: slots and ids are used again, generations are not */
};
WEFT_ABI_SIZE(struct weft_service, 24);

/* Indexed by endpoint id in weft_endpoints. Id 0 is never used. */
struct weft_endpoint {
	struct weft_address address; /* all zero: the row is free */
	__be16 port;
	__u8 protocol;
	__u8 reserved8;
	__u16 zone; /* numeric name of the zone, 0 = unknown */
	__u16 reserved16;
	__u32 workload; /* enum weft_identity or above */
	__u32 reserved32;
};
WEFT_ABI_SIZE(struct weft_endpoint, 32);

/* Session affinity of one client towards one service. */
struct weft_affinity_key {
	__u64 client;  /* netns cookie, or cgroup id for sockets of the host's own namespace */
	__u32 service; /* weft_service.service */
	__be16 port;   /* frontend port: ports of one service are affine separately */
	__u8 protocol;
	__u8 host; /* 1: client is a cgroup id */
};
WEFT_ABI_SIZE(struct weft_affinity_key, 16);

struct weft_affinity {
	__u64 last_used_ns; /* CLOCK_MONOTONIC */
	__u32 endpoint;
	__u32 generation; /* of the service when it was chosen: when it differs, membership is looked up again */
};
WEFT_ABI_SIZE(struct weft_affinity, 16);

#endif
