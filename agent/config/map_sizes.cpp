#include <algorithm>
#include <bit>

#include "agent/config/config.hpp"
#include "agent/config/keys.hpp"

namespace weft {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// Kernel memory of one entry: key, value, and 48 bytes of element header and bucket in a hash map, 64 in an LRU map.
// Layouts are those of include/weft/abi, rounded up: an estimate, not a contract.
constexpr std::uint64_t kServiceBytes = 96;
constexpr std::uint64_t kSlotBytes = 8;
constexpr std::uint64_t kEndpointBytes = 32;
constexpr std::uint64_t kOwnerBytes = 80;
constexpr std::uint64_t kProcessBytes = 72;
constexpr std::uint64_t kAffinityBytes = 96;
constexpr std::uint64_t kEdgeBytes = 72;
constexpr std::uint64_t kEdgeBytesPerCpu = 288;
constexpr std::uint64_t kConnectionBytes = 224;
constexpr std::uint64_t kUdpFlowBytes = 224;
constexpr std::uint64_t kTupleBytes = 176;
constexpr std::uint64_t kPeerBytes = 96;
constexpr std::uint64_t kNetworkBytes = 128;  // of a trie: one more node for about every second prefix
constexpr std::uint64_t kSubjectBytes = 80;
constexpr std::uint64_t kPolicyBytes = 88;
constexpr std::uint64_t kInterfaceBytes = 64;
constexpr std::uint64_t kSourceBytes = 80;
constexpr std::uint64_t kReplyBytes = 128;
constexpr std::uint64_t kDeniedAddressBytes = 80;

std::uint32_t scaled(std::uint64_t wanted, std::uint32_t smallest, std::uint32_t largest) {
  auto power = std::bit_floor(std::max<std::uint64_t>(wanted, 1));
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(power, smallest, largest));
}

std::uint64_t edge_bytes(std::uint32_t cpus) { return kEdgeBytes + std::uint64_t{cpus} * kEdgeBytesPerCpu; }

}  // namespace

MapSizes make_default_map_sizes(std::uint64_t memory_bytes, std::uint32_t cpus) {
  // 8 frontends for each MiB: 8,192 at 1 GiB, 131,072 from 16 GiB on.
  auto unit = memory_bytes / kMiB * 8;
  MapSizes sizes;
  sizes.services = scaled(unit, 4096, 131072);
  sizes.slots = 4 * sizes.services;
  sizes.endpoints = 2 * sizes.services;
  sizes.owners = 2 * sizes.services;
  sizes.processes = scaled(unit / 16, 1024, 16384);
  sizes.affinity = scaled(unit, 4096, 131072);
  // Edges are counted per CPU: at most 1/256 of the memory, however many CPUs there are.
  auto affordable = memory_bytes / 256 / edge_bytes(cpus);
  sizes.edges = scaled(std::min(unit / 4, affordable), 256, 65536);
  sizes.udp_flows = scaled(unit / 2, 4096, 131072);
  sizes.tuples = scaled(unit, 4096, 262144);
  sizes.connections = scaled(2 * unit, 8192, 1048576);
  // Those of policy take memory only as they fill, but for the replies.
  sizes.peers = scaled(2 * unit, 8192, 262144);
  sizes.networks = scaled(unit / 8, 1024, 65536);
  sizes.subjects = scaled(unit / 8, 1024, 16384);
  sizes.policy = scaled(2 * unit, 16384, 1048576);
  sizes.interfaces = scaled(unit / 16, 512, 8192);
  sizes.sources = 4 * sizes.interfaces;
  sizes.replies = scaled(unit / 2, 4096, 262144);
  sizes.denied_addresses = scaled(unit, 8192, 262144);
  sizes.denied_networks = scaled(unit / 4, 1024, 65536);
  // Read every 50 ms: a record and its header take 168 bytes, so 2 MiB hold what 120,000 connections a second leave in
  // between. The ring counts twice in the memory of weftd, which maps it twice.
  sizes.events = scaled(memory_bytes / 8192, 512 * 1024, 4 * 1024 * 1024);
  return sizes;
}

MapSizes resolve_map_sizes(const MapSizes& wanted, std::uint64_t memory_bytes, std::uint32_t cpus) {
  Config defaults, resolved;
  defaults.datapath.maps = make_default_map_sizes(memory_bytes, cpus);
  resolved.datapath.maps = wanted;
  for (const auto& key : config_keys()) {
    if (!key.path.starts_with("datapath.maps.")) continue;
    auto* size = std::get_if<std::uint32_t& (*)(Config&)>(&key.slot);
    if (size != nullptr && (*size)(resolved) == 0) (*size)(resolved) = (*size)(defaults);
  }
  return resolved.datapath.maps;
}

std::uint64_t estimate_map_bytes(const MapSizes& sizes, std::uint32_t cpus) {
  return sizes.services * kServiceBytes + sizes.slots * kSlotBytes + sizes.endpoints * kEndpointBytes +
         sizes.owners * kOwnerBytes + sizes.processes * kProcessBytes + sizes.affinity * kAffinityBytes +
         sizes.edges * edge_bytes(cpus) + sizes.connections * kConnectionBytes + sizes.udp_flows * kUdpFlowBytes +
         sizes.tuples * kTupleBytes + sizes.peers * kPeerBytes + sizes.networks * kNetworkBytes +
         sizes.subjects * kSubjectBytes + sizes.policy * kPolicyBytes + sizes.interfaces * kInterfaceBytes +
         sizes.sources * kSourceBytes + sizes.replies * kReplyBytes + sizes.denied_addresses * kDeniedAddressBytes +
         sizes.denied_networks * kNetworkBytes + sizes.events;
}

}  // namespace weft
