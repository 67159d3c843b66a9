/* SPDX-License-Identifier: GPL-2.0-only
 *
 * Addresses of socket-address contexts. Each word is read through a volatile lvalue: clang otherwise folds the reads
 * into a pointer ctx+8, which the verifier refuses ("dereference of modified ctx ptr", 6.1 to 6.18).
 */
#ifndef WEFT_LIB_ADDRESS_H
#define WEFT_LIB_ADDRESS_H

#include "maps.h"

#define WEFT_READ_WORD(word) (*(volatile __u32 *)&(word))
/* For reads on two branches that clang would merge into one read at a computed offset. */
#define WEFT_CTX_WORD(ctx, field)                                                                                      \
	({                                                                                                             \
		__u32 weft_word_;                                                                                      \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                                                  \
			     : "=r"(weft_word_)                                                                        \
			     : "r"(ctx), "i"(__builtin_offsetof(typeof(*(ctx)), field)));                              \
		weft_word_;                                                                                            \
	})
#define WEFT_V4_MAPPED bpf_htonl(0x0000ffff)

weft_inline struct weft_address address_from_v4(__u32 word)
{
	struct weft_address address = {{0, 0, WEFT_V4_MAPPED, word}};

	return address;
}

weft_inline bool address_equal(const struct weft_address *a, const struct weft_address *b)
{
	return a->word[3] == b->word[3] && a->word[2] == b->word[2] && a->word[1] == b->word[1] &&
	       a->word[0] == b->word[0];
}

weft_inline bool address_is_v4(const struct weft_address *a)
{
	return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == WEFT_V4_MAPPED;
}

weft_inline bool address_is_loopback(const struct weft_address *a)
{
	if (address_is_v4(a))
		return (bpf_ntohl(a->word[3]) >> 24) == 127;
	return a->word[0] == 0 && a->word[1] == 0 && a->word[2] == 0 && a->word[3] == bpf_htonl(1);
}

weft_inline struct weft_address address_of_ctx4(struct bpf_sock_addr *ctx)
{
	return address_from_v4(WEFT_READ_WORD(ctx->user_ip4));
}

weft_inline struct weft_address address_of_ctx6(struct bpf_sock_addr *ctx)
{
	struct weft_address address = {{
		WEFT_READ_WORD(ctx->user_ip6[0]),
		WEFT_READ_WORD(ctx->user_ip6[1]),
		WEFT_READ_WORD(ctx->user_ip6[2]),
		WEFT_READ_WORD(ctx->user_ip6[3]),
	}};

	return address;
}

weft_inline void address_to_ctx6(struct bpf_sock_addr *ctx, const struct weft_address *address)
{
	WEFT_READ_WORD(ctx->user_ip6[0]) = address->word[0];
	WEFT_READ_WORD(ctx->user_ip6[1]) = address->word[1];
	WEFT_READ_WORD(ctx->user_ip6[2]) = address->word[2];
	WEFT_READ_WORD(ctx->user_ip6[3]) = address->word[3];
}

#endif
