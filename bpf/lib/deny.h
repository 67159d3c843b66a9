/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Whether the sender of a frame is on the deny list. What cannot be read passes: the stack drops it, and what is no
 * address of ours to judge is none of the list's.
 */
#ifndef WEFT_LIB_DENY_H
#define WEFT_LIB_DENY_H

#include "lib/count.h"
#include "lib/packet.h"

enum { ETH_TYPE = 12, VLAN_TAG = 4, MOST_VLAN_TAGS = 2 /* IEEE 802.1ad */ };

weft_inline bool is_vlan(__be16 type)
{
	return type == bpf_htons(0x8100) || type == bpf_htons(0x88a8);
}

weft_inline bool denial_holds(const struct weft_denial *denial)
{
	return denial && (!denial->until_ns || denial->until_ns > bpf_ktime_get_boot_ns());
}

weft_inline const struct weft_denial *find_denial(const struct weft_address *source,
						  const struct weft_deny_sizes *sizes)
{
	struct weft_network_key key = {.bits = 128, .address = *source};
	const struct weft_denial *denial;

	if (sizes->addresses) {
		denial = bpf_map_lookup_elem(&weft_denied_addresses, source);
		if (denial_holds(denial))
			return denial;
	}
	if (!sizes->networks)
		return NULL;
	denial = bpf_map_lookup_elem(&weft_denied_networks, &key);
	return denial_holds(denial) ? denial : NULL;
}

weft_inline void count_denial(const struct weft_denial *denial, __u64 bytes)
{
	__u32 reason = WEFT_DROP_DENY_LIST, entry = denial->entry;
	__u64 *drops = bpf_map_lookup_elem(&weft_drops, &reason);
	struct weft_denial_hits first = {.packets = 1, .bytes = bytes, .last_ns = bpf_ktime_get_boot_ns()};
	struct weft_denial_hits *hits;
	long error;

	if (drops)
		weft_add(*drops, 1);
	hits = bpf_map_lookup_elem(&weft_denial_hits, &entry);
	if (hits) {
		weft_add(hits->packets, 1);
		weft_add(hits->bytes, bytes);
		hits->last_ns = first.last_ns;
		return;
	}
	error = bpf_map_update_elem(&weft_denial_hits, &entry, &first, BPF_NOEXIST);
	if (error &&
	    error != -EEXIST) /* another processor's first hit made the row, and this one goes uncounted in it */
		count_helper_error(WEFT_HELPER_DENIAL_HITS, error);
}

/* Counted, when it is to be dropped. */
weft_inline bool is_denied(const struct weft_address *source, const struct weft_deny_sizes *sizes, __u64 bytes)
{
	const struct weft_denial *denial = find_denial(source, sizes);

	if (denial)
		count_denial(denial, bytes);
	return denial;
}

/* NULL while the list is empty. */
weft_inline const struct weft_deny_sizes *deny_sizes(void)
{
	__u32 zero = 0;
	const struct weft_deny_sizes *sizes = bpf_map_lookup_elem(&weft_deny_sizes, &zero);

	return sizes && (sizes->addresses || sizes->networks) ? sizes : NULL;
}

#endif
