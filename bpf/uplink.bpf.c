// SPDX-License-Identifier: GPL-2.0-only
/* The deny list on interfaces towards the network: XDP, before the kernel makes a packet of the frame; where somebody
 * else's XDP program is, tcx ingress. Ethernet only. Fails open: a frame that is not plainly denied passes. */
#include "lib/deny.h"

/* Direct access: two loads by helper would cost as much as the look-ups. */
weft_inline bool source_of_frame(void *data, void *end, struct weft_address *source)
{
	void *next = data + ETH_HEADER;
	__be16 type;

	if (next > end)
		return false;
	type = *(__be16 *)(data + ETH_TYPE);
#pragma unroll
	for (int tag = 0; tag < MOST_VLAN_TAGS; tag++) {
		if (!is_vlan(type))
			break;
		if (next + VLAN_TAG > end)
			return false;
		type = *(__be16 *)(next + 2);
		next += VLAN_TAG;
	}
	if (type == bpf_htons(ETH_P_IPV4) && next + IPV4_HEADER <= end) {
		*source = address_from_v4(*(__be32 *)(next + 12));
		return true;
	}
	if (type == bpf_htons(ETH_P_IPV6) && next + IPV6_HEADER <= end) {
		*source = *(struct weft_address *)(next + 8);
		return true;
	}
	return false;
}

SEC("xdp.frags")
int weft_uplink_xdp(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct weft_deny_sizes *sizes = deny_sizes();
	struct weft_address source;

	if (!sizes || !source_of_frame(data, end, &source))
		return XDP_PASS;
	return is_denied(&source, sizes, end - data) ? XDP_DROP : XDP_PASS;
}

/* A packet may be scattered, and its outer tag is usually not in its bytes any more. */
weft_inline bool source_of_packet(struct __sk_buff *skb, struct weft_address *source)
{
	__u32 next = ETH_HEADER;
	__be16 type;
	__be32 word;

	if (bpf_skb_load_bytes(skb, ETH_TYPE, &type, sizeof(type)))
		return false;
#pragma unroll
	for (int tag = 0; tag < MOST_VLAN_TAGS; tag++) {
		if (!is_vlan(type))
			break;
		if (bpf_skb_load_bytes(skb, next + 2, &type, sizeof(type)))
			return false;
		next += VLAN_TAG;
	}
	if (type == bpf_htons(ETH_P_IPV4) && !bpf_skb_load_bytes(skb, next + 12, &word, sizeof(word))) {
		*source = address_from_v4(word);
		return true;
	}
	return type == bpf_htons(ETH_P_IPV6) && !bpf_skb_load_bytes(skb, next + 8, source, sizeof(*source));
}

SEC("tc")
int weft_uplink_tc(struct __sk_buff *skb)
{
	const struct weft_deny_sizes *sizes = deny_sizes();
	struct weft_address source;

	if (!sizes || !source_of_packet(skb, &source))
		return WEFT_PASS;
	return is_denied(&source, sizes, skb->len) ? WEFT_DROP : WEFT_PASS;
}
