// What an operator may set, as one value. keys.hpp has the table that names, checks and documents every part of it;
// load.hpp reads it from files, environment and flags.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/address.hpp"

namespace weft {

struct PortProtocol {
  std::uint16_t port = 0;
  std::uint8_t protocol = 6;  // IPPROTO_*
  bool operator==(const PortProtocol&) const = default;
};

// Entries of the kernel maps; 0 means: from the memory of the node, see resolve_map_sizes.
struct MapSizes {
  std::uint32_t services = 0;     // frontends: address, port and protocol
  std::uint32_t slots = 0;        // endpoints of all frontends, with repetition
  std::uint32_t endpoints = 0;    // distinct address, port and protocol
  std::uint32_t owners = 0;       // addresses with a known workload
  std::uint32_t processes = 0;    // cgroups and users with a known workload
  std::uint32_t affinity = 0;     // clients with session affinity
  std::uint32_t edges = 0;        // pairs of workloads that talk
  std::uint32_t udp_flows = 0;    // open UDP conversations
  std::uint32_t tuples = 0;       // open connections between workloads of this node
  std::uint32_t connections = 0;  // open TCP connections that can be listed
  std::uint32_t peers = 0;        // addresses that policies can name: pods, workloads, nodes
  std::uint32_t networks = 0;     // prefixes of the ipBlocks of policies
  std::uint32_t subjects = 0;     // local workloads that differ in their policies
  std::uint32_t policy = 0;       // rules of all subjects
  std::uint32_t interfaces = 0;   // of local pods
  std::uint32_t sources = 0;      // addresses of local pods
  std::uint32_t replies = 0;      // conversations of pods without a connection
  std::uint32_t denied_addresses = 0;
  std::uint32_t denied_networks = 0;
  std::uint32_t events = 0;  // bytes of the ring of flow records, a power of two
  bool operator==(const MapSizes&) const = default;
};

struct Config {
  struct Node {
    std::string name;  // the host name when nothing is set
    std::string zone;
    std::string region;
  };
  struct Mesh {
    std::string trust_domain = "cluster.local";
    std::string cluster = "local";
  };
  struct Datapath {
    std::string bpffs = "/sys/fs/bpf/weft";
    std::string cgroup;  // empty: the agent looks for the cgroup v2 root
    std::vector<std::string> uplinks;
    std::string pods = "auto";
    bool answer_resets = true;
    bool answer_errors = true;
    std::vector<PortProtocol> failsafe_inbound = {{22, 6}};
    std::vector<PortProtocol> failsafe_outbound = {{53, 17}, {67, 17}, {443, 6}};
    MapSizes maps;
  };
  struct Discovery {
    std::vector<std::string> file_paths = {"/etc/weft/manifests.d"};
    std::string kubeconfig;
  };
  struct Proxy {
    std::string mode = "off";
    std::string binary = "/usr/bin/envoy";
    std::string dir = "/var/lib/weft/proxy";
    std::uint32_t concurrency = 2;
  };
  struct Metrics {
    std::optional<SocketAddress> listen = SocketAddress{IpAddress::v4(0x7f000001), 9690};  // empty: off
    std::uint32_t max_series = 10000;
    bool histograms = true;
  };
  struct Api {
    std::string socket = "/run/weft/weft.sock";
    std::string group = "weft";
  };
  struct State {
    std::string dir = "/var/lib/weft";
  };
  struct Log {
    std::string level = "info";
    std::string format = "auto";
  };

  Node node;
  Mesh mesh;
  Datapath datapath;
  Discovery discovery;
  Proxy proxy;
  Metrics metrics;
  Api api;
  State state;
  Log log;
};

// Sizes for a node with this memory; about one and a half per cent of it in all when they are full. `cpus` bounds the
// per-CPU edges.
MapSizes make_default_map_sizes(std::uint64_t memory_bytes, std::uint32_t cpus = 1);

// `wanted` with its zeros replaced by the defaults.
MapSizes resolve_map_sizes(const MapSizes& wanted, std::uint64_t memory_bytes, std::uint32_t cpus);

// Kernel memory that maps of these sizes take when they are full, in bytes.
std::uint64_t estimate_map_bytes(const MapSizes& sizes, std::uint32_t cpus);

// Paths of the keys ("metrics.listen") that differ and take effect only after a restart of the agent.
std::vector<std::string> restart_needed(const Config& running, const Config& wanted);

}  // namespace weft
