/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Which endpoint serves a frontend. Knows no hook context, so that tests drive it through a syscall program.
 * Balancing fails open: what cannot be decided is left alone and counted.
 */
#ifndef WEFT_LIB_SERVICE_H
#define WEFT_LIB_SERVICE_H

#include "lib/count.h"

enum weft_resolution {
	WEFT_NOT_A_SERVICE = 0,
	WEFT_RESOLVED = 1,
	WEFT_NO_ENDPOINT = 2,
};

struct weft_request {
	struct weft_service_key key;
	__u64 client;	/* for affinity */
	__u32 previous; /* endpoint that this socket used for the service, 0 = none */
	__u32 previous_generation;
	__u8 client_is_host;
};

struct weft_answer {
	enum weft_resolution resolution;
	__u32 service;
	__u32 endpoint; /* id */
	__u32 generation;
	struct weft_endpoint row;
};

struct weft_search {
	__u32 first_slot;
	__u32 wanted;
	__u32 found;
};

static long search_slot(__u32 index, struct weft_search *search)
{
	__u32 slot = search->first_slot + index;
	__u32 *endpoint = bpf_map_lookup_elem(&weft_slots, &slot);

	if (endpoint && *endpoint == search->wanted) {
		search->found = 1;
		return 1;
	}
	return 0;
}

/* Does the service still use this endpoint? Slots are searched only when its range changed since the choice. */
weft_inline bool service_has_endpoint(const struct weft_service *service, __u32 endpoint, __u32 generation)
{
	struct weft_search search = {.first_slot = service->first_slot, .wanted = endpoint};

	if (generation == service->generation)
		return true;
	bpf_loop(service->slot_count, search_slot, &search, 0);
	return search.found;
}

weft_inline bool endpoint_load(__u32 id, struct weft_endpoint *row)
{
	struct weft_endpoint *found = bpf_map_lookup_elem(&weft_endpoints, &id);

	if (!found || found->port == 0)
		return false;
	*row = *found;
	return true;
}

/* In turn, so that shares are even to a connection per CPU; each round starts at another endpoint, so that clients
 * which open connections in lockstep do not lock onto one. */
weft_inline __u32 service_next_slot(__u32 service, __u32 slot_count)
{
	__u32 index = service % WEFT_TURNS;
	__u32 *turn = bpf_map_lookup_elem(&weft_turns, &index);
	__u32 now, round;

	if (!turn)
		return bpf_get_prandom_u32() % slot_count;
	if (*turn == 0)
		*turn = bpf_get_prandom_u32() | 1;
	now = *turn;
	*turn = now + 1;
	round = (now / slot_count) * 0x9E3779B1u;
	return ((now % slot_count) + (round >> 8)) % slot_count;
}

weft_inline bool service_pick(const struct weft_service *service, struct weft_answer *answer)
{
	__u32 slot = service->first_slot + service_next_slot(service->service, service->slot_count);
	__u32 *id = bpf_map_lookup_elem(&weft_slots, &slot);

	if (!id || !endpoint_load(*id, &answer->row))
		return false;
	answer->endpoint = *id;
	return true;
}

weft_inline bool service_reuse(const struct weft_service *service, __u32 endpoint, __u32 generation,
			       struct weft_answer *answer)
{
	if (!endpoint || !service_has_endpoint(service, endpoint, generation))
		return false;
	if (!endpoint_load(endpoint, &answer->row))
		return false;
	answer->endpoint = endpoint;
	return true;
}

weft_inline struct weft_affinity_key affinity_key(const struct weft_request *request, __u32 service)
{
	struct weft_affinity_key key = {
		.client = request->client,
		.service = service,
		.port = request->key.port,
		.protocol = request->key.protocol,
		.host = request->client_is_host,
	};

	return key;
}

weft_inline bool affinity_reuse(const struct weft_service *service, const struct weft_affinity_key *key,
				struct weft_answer *answer)
{
	struct weft_affinity *entry = bpf_map_lookup_elem(&weft_affinity, key);
	__u64 now = bpf_ktime_get_ns();

	if (!entry || now - entry->last_used_ns > (__u64)service->affinity_timeout_s * 1000000000ull)
		return false;
	if (!service_reuse(service, entry->endpoint, entry->generation, answer))
		return false;
	entry->generation = service->generation;
	entry->last_used_ns = now;
	count(WEFT_COUNT_LB_AFFINITY_HITS);
	return true;
}

weft_inline void affinity_remember(const struct weft_service *service, const struct weft_affinity_key *key,
				   __u32 endpoint)
{
	struct weft_affinity entry = {
		.last_used_ns = bpf_ktime_get_ns(),
		.endpoint = endpoint,
		.generation = service->generation,
	};
	long error = bpf_map_update_elem(&weft_affinity, key, &entry, BPF_ANY);

	if (error)
		count_helper_error(WEFT_HELPER_AFFINITY_UPDATE, error);
}

/* 1. no frontend → leave alone. 2. nobody serves it → refuse. 3. the socket's own earlier choice, while it serves.
 * 4. the client's affinity, while it serves. 5. the next in turn. */
weft_inline void service_resolve(const struct weft_request *request, struct weft_answer *answer)
{
	struct weft_service *found = bpf_map_lookup_elem(&weft_services, &request->key);
	struct weft_affinity_key affinity;
	struct weft_service service;

	answer->resolution = WEFT_NOT_A_SERVICE;
	if (!found)
		return;
	service = *found;
	answer->service = service.service;
	answer->generation = service.generation;
	if (!service.slot_count) {
		count(WEFT_COUNT_LB_NO_ENDPOINT);
		answer->resolution = WEFT_NO_ENDPOINT;
		return;
	}
	answer->resolution = WEFT_RESOLVED;
	if (service_reuse(&service, request->previous, request->previous_generation, answer))
		return;
	count(WEFT_COUNT_LB_SELECTIONS);
	affinity = affinity_key(request, service.service);
	if ((service.flags & WEFT_SERVICE_AFFINITY) && affinity_reuse(&service, &affinity, answer))
		return;
	if (!service_pick(&service, answer)) {
		count(WEFT_COUNT_LB_INCONSISTENT);
		answer->resolution = WEFT_NOT_A_SERVICE;
		return;
	}
	if (service.flags & WEFT_SERVICE_AFFINITY)
		affinity_remember(&service, &affinity, answer->endpoint);
}

#endif
