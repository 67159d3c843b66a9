/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Arguments of the programs in harness.bpf.c.
 */
#ifndef WEFT_TEST_HARNESS_H
#define WEFT_TEST_HARNESS_H

#include "weft/abi/service.h"

struct harness_resolve {
  struct weft_service_key key;
  __u32 previous;
  __u64 client;
  __u32 previous_generation;
  __u32 client_is_host;
  /* out */
  __u32 resolution; /* enum weft_resolution: 0 not a service, 1 resolved, 2 no endpoint */
  __u32 service;
  __u32 endpoint;
  __u32 generation;
  struct weft_endpoint row;
};

struct harness_datagram {
  struct weft_address local;
  struct weft_address remote;
  __be16 local_port;
  __be16 remote_port;
  __u32 payload_bytes;
  __u32 parsed;
};

#endif
