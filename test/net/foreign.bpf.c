// SPDX-License-Identifier: GPL-2.0-only
/* Another user of the cgroup hooks: lets everything pass and counts nothing. */
#include <linux/bpf.h>

#define SEC(name) __attribute__((section(name), used))

SEC("cgroup/connect4")
int foreign_connect4(struct bpf_sock_addr* ctx) { return 1; }

char _license[] SEC("license") = "GPL";
