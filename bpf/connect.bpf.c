// SPDX-License-Identifier: GPL-2.0-only
/* connect() and sendto() towards a service address go to one of its endpoints. */
#include "lib/connect.h"

SEC("cgroup/connect4")
int weft_connect4(struct bpf_sock_addr *ctx)
{
	struct weft_address address = address_of_ctx4(ctx);
	struct weft_answer answer = {};
	int verdict = connect_decide(ctx, &address, &answer);

	if (answer.resolution == WEFT_RESOLVED) {
		ctx->user_ip4 = answer.row.address.word[3];
		ctx->user_port = answer.row.port;
	}
	return verdict;
}

SEC("cgroup/connect6")
int weft_connect6(struct bpf_sock_addr *ctx)
{
	struct weft_address address = address_of_ctx6(ctx);
	struct weft_answer answer = {};
	int verdict = connect_decide(ctx, &address, &answer);

	if (answer.resolution == WEFT_RESOLVED) {
		address_to_ctx6(ctx, &answer.row.address);
		ctx->user_port = answer.row.port;
	}
	return verdict;
}

SEC("cgroup/sendmsg4")
int weft_sendmsg4(struct bpf_sock_addr *ctx)
{
	struct weft_address address = address_of_ctx4(ctx);
	struct weft_answer answer = {};
	int verdict = sendmsg_decide(ctx, &address, &answer);

	if (answer.resolution == WEFT_RESOLVED) {
		ctx->user_ip4 = answer.row.address.word[3];
		ctx->user_port = answer.row.port;
	}
	return verdict;
}

SEC("cgroup/sendmsg6")
int weft_sendmsg6(struct bpf_sock_addr *ctx)
{
	struct weft_address address = address_of_ctx6(ctx);
	struct weft_answer answer = {};
	int verdict = sendmsg_decide(ctx, &address, &answer);

	if (answer.resolution == WEFT_RESOLVED) {
		address_to_ctx6(ctx, &answer.row.address);
		ctx->user_port = answer.row.port;
	}
	return verdict;
}
