#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("cgroup/connect4") int x(struct bpf_sock_addr *c){return 1;}
char LICENSE[] SEC("license") = "GPL";
