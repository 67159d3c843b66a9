// What the datapath is told before it loads. Sizes are entries, except `events_bytes`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace weft {

struct DatapathSizes {
  std::uint32_t services = 16384;
  std::uint32_t slots = 65536;
  std::uint32_t endpoints = 32768;
  std::uint32_t owners = 65536;
  std::uint32_t processes = 4096;
  std::uint32_t affinity = 16384;
  std::uint32_t edges = 16384;
  std::uint32_t connections = 65536;
  std::uint32_t udp_flows = 65536;
  std::uint32_t tuples = 16384;
  std::uint32_t peers = 65536;
  std::uint32_t networks = 16384;
  std::uint32_t subjects = 4096;
  std::uint32_t policy = 262144;
  std::uint32_t interfaces = 4096;
  std::uint32_t sources = 16384;
  std::uint32_t replies = 65536;
  std::uint32_t denied_addresses = 131072;
  std::uint32_t denied_networks = 16384;
  std::uint32_t events_bytes = 1U << 22;  // a power of two, at least a page
};

struct DatapathOptions {
  std::filesystem::path bpffs;   // our directory: 0700, ours, on a bpf file system
  std::filesystem::path cgroup;  // cgroup v2 directory whose processes are served
  DatapathSizes sizes;
  bool answer_resets = true;  // a TCP reset answers denied segments, otherwise they vanish
  bool answer_errors = true;  // an ICMP error answers other denied packets
};

}  // namespace weft
