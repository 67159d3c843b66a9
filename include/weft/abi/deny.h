/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Addresses whose packets are dropped as they arrive, before anything else looks at them.
 *
 *   weft_denied_addresses  HASH         weft_address     → weft_denial       single addresses: most entries
 *   weft_denied_networks   LPM_TRIE     weft_network_key → weft_denial       blocks
 *   weft_denial_hits       PERCPU_HASH  __u32            → weft_denial_hits  by entry; written by programs
 *   weft_deny_sizes        ARRAY        0                → weft_deny_sizes   so that an empty table costs no look-up
 *
 * A denial ends by itself, also when no agent is there to remove it. The longest block that holds an address is the
 * only one that is found, so a block is denied for as long as any block around it is.
 */
#ifndef WEFT_ABI_DENY_H
#define WEFT_ABI_DENY_H

#include "weft/abi/types.h"

struct weft_denial {
	__u64 until_ns; /* CLOCK_BOOTTIME; 0: for ever */
	__u32 entry;	/* key of weft_denial_hits */
	__u32 reserved;
};
WEFT_ABI_SIZE(struct weft_denial, 16);

struct weft_denial_hits {
	__u64 packets;
	__u64 bytes;   /* of frames */
	__u64 last_ns; /* CLOCK_BOOTTIME */
};
WEFT_ABI_SIZE(struct weft_denial_hits, 24);

struct weft_deny_sizes {
	__u32 addresses;
	__u32 networks;
};
WEFT_ABI_SIZE(struct weft_deny_sizes, 8);

#endif
