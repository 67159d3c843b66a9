// SPDX-License-Identifier: GPL-2.0-only
/* Applications see the service address that they dialled: in getpeername() and as the source of UDP replies. */
#include "lib/connect.h"

weft_inline int reverse4(struct bpf_sock_addr *ctx)
{
	struct weft_address address = address_of_ctx4(ctx);
	struct weft_reverse reverse = {};

	reverse_of(ctx, &address, WEFT_READ_WORD(ctx->user_port), &reverse);
	if (reverse.port) {
		ctx->user_ip4 = reverse.address.word[3];
		ctx->user_port = reverse.port;
	}
	return WEFT_PROCEED;
}

weft_inline int reverse6(struct bpf_sock_addr *ctx)
{
	struct weft_address address = address_of_ctx6(ctx);
	struct weft_reverse reverse = {};

	reverse_of(ctx, &address, WEFT_READ_WORD(ctx->user_port), &reverse);
	if (reverse.port) {
		address_to_ctx6(ctx, &reverse.address);
		ctx->user_port = reverse.port;
	}
	return WEFT_PROCEED;
}

SEC("cgroup/recvmsg4")
int weft_recvmsg4(struct bpf_sock_addr *ctx)
{
	return reverse4(ctx);
}

SEC("cgroup/recvmsg6")
int weft_recvmsg6(struct bpf_sock_addr *ctx)
{
	return reverse6(ctx);
}

SEC("cgroup/getpeername4")
int weft_getpeername4(struct bpf_sock_addr *ctx)
{
	return reverse4(ctx);
}

SEC("cgroup/getpeername6")
int weft_getpeername6(struct bpf_sock_addr *ctx)
{
	return reverse6(ctx);
}
