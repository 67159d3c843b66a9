// SPDX-License-Identifier: GPL-2.0-only
/* bpf/lib without its hooks: tests run these through BPF_PROG_TEST_RUN. */
#include "harness.h"
#include "lib/address.h"
#include "lib/service.h"
#include "lib/udp.h"

SEC("syscall")
int harness_resolve(struct harness_resolve* call) {
  struct weft_request request = {
      .key = call->key,
      .client = call->client,
      .previous = call->previous,
      .previous_generation = call->previous_generation,
      .client_is_host = call->client_is_host,
  };
  struct weft_answer answer = {};

  service_resolve(&request, &answer);
  call->resolution = answer.resolution;
  call->service = answer.service;
  call->endpoint = answer.endpoint;
  call->generation = answer.generation;
  call->row = answer.row;
  return 0;
}

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct harness_datagram);
} harness_datagram SEC(".maps");

weft_inline int parse(struct __sk_buff* skb, bool egress) {
  __u32 zero = 0;
  struct harness_datagram* out = bpf_map_lookup_elem(&harness_datagram, &zero);
  struct weft_datagram datagram = {};

  if (!out) return 0;
  out->parsed = datagram_parse(skb, egress, &datagram);
  out->local = datagram.local;
  out->remote = datagram.remote;
  out->local_port = datagram.local_port;
  out->remote_port = datagram.remote_port;
  out->payload_bytes = datagram.payload_bytes;
  return 1;
}

SEC("cgroup_skb/egress")
int harness_parse_egress(struct __sk_buff* skb) { return parse(skb, true); }

SEC("cgroup_skb/ingress")
int harness_parse_ingress(struct __sk_buff* skb) { return parse(skb, false); }
