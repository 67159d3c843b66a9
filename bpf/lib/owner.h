/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Who is behind an address, a process or a socket: numeric names for flows.
 */
#ifndef WEFT_LIB_OWNER_H
#define WEFT_LIB_OWNER_H

#include "lib/count.h"

weft_inline const struct weft_settings *settings(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&weft_settings, &zero);
}

weft_inline __u16 node_zone(void)
{
	const struct weft_settings *now = settings();

	return now ? now->node_zone : 0;
}

/* The workload that serves address and port, else the one that owns the address, else `otherwise`. */
weft_inline struct weft_owner owner_of_address(const struct weft_address *address, __be16 port, __u8 protocol,
					       __u32 otherwise)
{
	struct weft_owner_key key = {.address = *address, .port = port, .protocol = protocol};
	struct weft_owner nobody = {.workload = otherwise};
	struct weft_owner *found = bpf_map_lookup_elem(&weft_owners, &key);

	if (found)
		return *found;
	key.port = 0;
	key.protocol = 0;
	found = bpf_map_lookup_elem(&weft_owners, &key);
	return found ? *found : nobody;
}

weft_inline __u32 owner_of_process(__u64 cgroup, __u32 uid)
{
	struct weft_process_key key = {.id = cgroup, .kind = WEFT_PROCESS_CGROUP};
	__u32 *workload = bpf_map_lookup_elem(&weft_processes, &key);

	if (workload)
		return *workload;
	key.id = uid;
	key.kind = WEFT_PROCESS_UID;
	workload = bpf_map_lookup_elem(&weft_processes, &key);
	return workload ? *workload : WEFT_IDENTITY_UNKNOWN;
}

weft_inline __u32 owner_of_current(void)
{
	const struct weft_settings *now = settings();

	if (!now || !now->process_owners)
		return WEFT_IDENTITY_UNKNOWN;
	return owner_of_process(bpf_get_current_cgroup_id(), (__u32)bpf_get_current_uid_gid());
}

/* A client that no process rule names is whoever owns its address. */
weft_inline struct weft_owner owner_of_client(__u32 by_process, const struct weft_address *address)
{
	struct weft_owner owner = owner_of_address(address, 0, 0, WEFT_IDENTITY_UNKNOWN);

	if (by_process != WEFT_IDENTITY_UNKNOWN) {
		owner.workload = by_process;
		owner.zone = node_zone();
	}
	if (!owner.zone && owner.workload != WEFT_IDENTITY_WORLD)
		owner.zone = node_zone();
	return owner;
}

/* A pod's network namespace belongs to one workload for its life, and cookies are never used twice: whoever was seen there
 * once is who fails to connect from there later, when no local address is known yet. */
weft_inline void netns_learn(__u64 netns, const struct weft_owner *owner)
{
	struct weft_owner *known;
	long error;

	if (netns == weft_config.host_netns || owner->workload < WEFT_IDENTITY_FIRST)
		return;
	known = bpf_map_lookup_elem(&weft_netns, &netns);
	if (known && known->workload == owner->workload && known->zone == owner->zone)
		return;
	error = bpf_map_update_elem(&weft_netns, &netns, owner, BPF_ANY);
	if (error)
		count_helper_error(WEFT_HELPER_NETNS_UPDATE, error);
}

#endif
