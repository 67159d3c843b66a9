/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Counters of the datapath itself: nothing fails in silence.
 */
#ifndef WEFT_LIB_COUNT_H
#define WEFT_LIB_COUNT_H

#include "maps.h"

weft_inline void count(__u32 counter)
{
	__u64 *value = bpf_map_lookup_elem(&weft_counters, &counter);

	if (value)
		weft_add(*value, 1);
}

/* `error` is what a helper returned: negative errno, or 0 where it only says "no". */
weft_inline void count_helper_error(__u32 helper, long error)
{
	struct weft_helper_error_key key = {.helper = helper, .error = error < 0 ? -error : 0};
	__u64 one = 1;
	__u64 *value = bpf_map_lookup_elem(&weft_helper_errors, &key);

	if (value)
		weft_add(*value, 1);
	else
		bpf_map_update_elem(&weft_helper_errors, &key, &one, BPF_NOEXIST);
}

#endif
