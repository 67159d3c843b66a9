/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * The contract between kernel programs and agent: plain C for both compilers. Fixed sizes, explicit padding, addresses
 * and ports in network order, no pointers, no bit-fields. Values start as zero bytes; reserved bytes stay zero.
 */
#ifndef WEFT_ABI_TYPES_H
#define WEFT_ABI_TYPES_H

#include <linux/types.h>

#ifdef __cplusplus
#define WEFT_ABI_SIZE(type, bytes) static_assert(sizeof(type) == (bytes), #type " changed size: raise its map layout")
#else
#define WEFT_ABI_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type " changed size: raise its map layout")
#endif

/* IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). */
struct weft_address {
	__be32 word[4];
};
WEFT_ABI_SIZE(struct weft_address, 16);

/* Numeric names of workloads. Local to a node, kept over restarts by the pinned maps and the state directory. */
enum weft_identity {
	WEFT_IDENTITY_UNKNOWN = 0, /* a local process that no workload claims */
	WEFT_IDENTITY_WORLD = 1,   /* an address outside of the mesh */
	WEFT_IDENTITY_HOST = 2,	   /* an address of a node */
	WEFT_IDENTITY_FIRST = 256, /* workloads */
				   /* 0x80000000 and above: reserved for classes of addresses learnt from names */
};

#endif
