/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Which TCP clients of this node have a SYN on its way: the server's socket asks, once.
 */
#ifndef WEFT_LIB_SYN_H
#define WEFT_LIB_SYN_H

#include "lib/count.h"

/* Odd constant of 64 bits with no pattern (2^64 / golden ratio); each step spreads a word over all bits. */
#define WEFT_MIX 0x9E3779B97F4A7C15ull

weft_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * WEFT_MIX;
	return hash ^ (hash >> 32);
}

weft_inline __u64 address_half(const struct weft_address *address, int half)
{
	return (__u64)address->word[2 * half] << 32 | address->word[2 * half + 1];
}

weft_inline __u64 syn_fingerprint(const struct weft_tuple_key *tuple)
{
	__u64 hash = mix(tuple->netns, (__u64)tuple->client_port << 16 | tuple->server_port);

	hash = mix(hash, address_half(&tuple->client, 0));
	hash = mix(hash, address_half(&tuple->client, 1));
	hash = mix(hash, address_half(&tuple->server, 0));
	hash = mix(hash, address_half(&tuple->server, 1));
	return hash | 1; /* 0 is a free way */
}

weft_inline struct weft_syn_set *syn_set(__u64 fingerprint)
{
	__u32 index = (fingerprint >> 32) % WEFT_SYN_SETS;

	return bpf_map_lookup_elem(&weft_syns, &index);
}

weft_inline void syn_remember(__u64 fingerprint, __u64 now_ns)
{
	struct weft_syn_set *set = syn_set(fingerprint);
	int oldest = 0;

	if (!set)
		return;
#pragma unroll
	for (int i = 1; i < WEFT_SYN_WAYS; i++)
		if (set->way[i].time_ns < set->way[oldest & (WEFT_SYN_WAYS - 1)].time_ns)
			oldest = i;
	set->way[oldest & (WEFT_SYN_WAYS - 1)].time_ns = now_ns;
	set->way[oldest & (WEFT_SYN_WAYS - 1)].fingerprint = fingerprint;
}

/* One SYN, one server: what was found is forgotten, for the ports may be used again. */
weft_inline bool syn_take(__u64 fingerprint)
{
	struct weft_syn_set *set = syn_set(fingerprint);

	if (!set)
		return false;
#pragma unroll
	for (int i = 0; i < WEFT_SYN_WAYS; i++) {
		if (set->way[i].fingerprint != fingerprint)
			continue;
		set->way[i].fingerprint = 0;
		set->way[i].time_ns = 0;
		return true;
	}
	return false;
}

#endif
