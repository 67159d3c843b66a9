/* SPDX-License-Identifier: GPL-2.0-only
 *
 * The few kernel types that programs read, relocated to the running kernel by CO-RE; and the headers that every program
 * needs.
 */
#ifndef WEFT_LIB_KERNEL_H
#define WEFT_LIB_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include <stdbool.h>

#define weft_inline static __always_inline
/* Adds to a counter of this processor. In one instruction, because a program that runs for a process may be interrupted by
 * one that runs for a packet and counts the same: a load, an addition and a store would lose one of both. */
#define weft_add(counter, by) ((void)__sync_fetch_and_add(&(counter), by))
/* Verified by itself, once, whoever calls it (Linux 5.6): keeps large programs within the verifier's million steps. Weak,
 * because several program files may include it. Pointers may be NULL as far as the verifier knows. */
#define weft_global __weak __noinline

enum { IPPROTO_TCP = 6, IPPROTO_UDP = 17, IPPROTO_IPV6 = 41, IPPROTO_SCTP = 132, IPPROTO_MPTCP = 262 };
enum { AF_INET = 2, AF_INET6 = 10 };
enum {
	EEXIST = 17,
	ECONNRESET = 104,
	ETIMEDOUT = 110,
	ECONNREFUSED = 111,
	EHOSTUNREACH = 113,
	ENETUNREACH = 101,
	EPIPE = 32
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kernfs_node {
	__u64 id;
};

struct cgroup {
	struct kernfs_node *kn;
};

struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock_common {
	unsigned short skc_family;
	unsigned long skc_flags;
	volatile unsigned char skc_state;
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	struct sock_cgroup_data sk_cgrp_data;
};

struct inet_sock {
	struct sock sk;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	struct inet_connection_sock inet_conn;
	__u32 segs_in;
	__u32 segs_out;
	__u32 srtt_us;
	__u32 total_retrans;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
};

struct mptcp_sock {
	struct inet_connection_sock sk;
};

enum sock_flags { SOCK_DEAD, SOCK_DONE };

#pragma clang attribute pop

#endif
