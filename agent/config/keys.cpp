#include "agent/config/keys.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weft {
namespace {

using enum ConfigRule;
using enum ConfigChange;
using enum ConfigUse;

#define TEXT(member) ConfigSlot(+[](Config& c) -> std::string& { return c.member; })
#define FLAG(member) ConfigSlot(+[](Config& c) -> bool& { return c.member; })
#define COUNT(member) ConfigSlot(+[](Config& c) -> std::uint32_t& { return c.member; })
#define TEXTS(member) ConfigSlot(+[](Config& c) -> std::vector<std::string>& { return c.member; })
#define PORTS(member) ConfigSlot(+[](Config& c) -> std::vector<PortProtocol>& { return c.member; })
#define LISTEN(member) ConfigSlot(+[](Config& c) -> std::optional<SocketAddress>& { return c.member; })

constexpr std::uint32_t kLargestMap = 16 * 1024 * 1024;  // entries; the kernel refuses much larger hash maps
constexpr std::uint32_t kSmallestRing = 4096;            // one page, the kernel's least
constexpr std::uint32_t kLargestRing = 1U << 30;

std::vector<ConfigKey> node_keys() {
  return {
      {"node.name", TEXT(node.name), kNodeName, kRestart, kUsed,
       "Name of this node, as Node objects, Pods and EndpointSlices call it. Default: the host name."},
      {"node.zone", TEXT(node.zone), kTopologyName, kLive, kUsed,
       "Zone of this node. Default: the label topology.kubernetes.io/zone of its Node object."},
      {"node.region", TEXT(node.region), kTopologyName, kLive, kUsed,
       "Region of this node. Default: the label topology.kubernetes.io/region of its Node object."},
      {"mesh.trustDomain", TEXT(mesh.trust_domain), kTrustDomain, kRestart, kLater,
       "SPIFFE trust domain of the identities of workloads."},
      {"mesh.cluster", TEXT(mesh.cluster), kNodeName, kRestart, kLater, "Name of this cluster among others."},
  };
}

std::vector<ConfigKey> datapath_keys() {
  return {
      {"datapath.bpffs", TEXT(datapath.bpffs), kPath, kRestart, kUsed,
       "Directory on a bpf file system for pinned maps and links. Created with mode 0700; weftd refuses one that is "
       "not "
       "its own. Several agents on one kernel need one each."},
      {"datapath.cgroup", TEXT(datapath.cgroup), kPathOrEmpty, kRestart, kUsed,
       "Root of the cgroup v2 tree whose processes are served. Empty: found from the mounts."},
      {"datapath.uplinks", TEXTS(datapath.uplinks), kInterface, kRestart, kUsed,
       "Interfaces towards the network, for XDP and tc programs: the deny list acts there. Globs such as eth* are "
       "allowed; interfaces of pods are left out."},
      {"datapath.pods",
       TEXT(datapath.pods),
       kChoice,
       kRestart,
       kUsed,
       "auto: attach to interfaces whose peer namespace holds the address of a known pod. none: to none.",
       {"auto", "none"}},
      {"datapath.denials.reset", FLAG(datapath.answer_resets), kBool, kRestart, kUsed,
       "Whether a denied TCP connection is refused at once by a reset. false: it times out."},
      {"datapath.denials.prohibited", FLAG(datapath.answer_errors), kBool, kRestart, kUsed,
       "Whether other denied packets are answered by the ICMP error \"administratively prohibited\". false: they "
       "vanish."},
      {"datapath.failsafe.inbound", PORTS(datapath.failsafe_inbound), kPortProtocol, kRestart, kLater,
       "Ports of the host that no policy can close."},
      {"datapath.failsafe.outbound", PORTS(datapath.failsafe_outbound), kPortProtocol, kRestart, kLater,
       "Ports that the host can reach whatever policy says."},
  };
}

ConfigKey map_size(std::string_view path, ConfigSlot slot, std::string_view text) {
  return {path, slot, kCount, kRestart, kUsed, text, {}, 0, kLargestMap};
}

// Maps of what guards interfaces.
std::vector<ConfigKey> interface_map_keys() {
  return {
      map_size("datapath.maps.interfaces", COUNT(datapath.maps.interfaces),
               "Interfaces of pods of this node. 0: from the memory of the node."),
      map_size("datapath.maps.sources", COUNT(datapath.maps.sources),
               "Addresses that the pods of this node may send from. 0: from the memory of the node."),
      map_size("datapath.maps.replies", COUNT(datapath.maps.replies),
               "Conversations of pods over UDP and SCTP whose answers are let through; the longest silent is forgotten "
               "first. 0: from the memory of the node."),
      map_size("datapath.maps.deniedAddresses", COUNT(datapath.maps.denied_addresses),
               "Single addresses on the deny list. 0: from the memory of the node."),
      map_size("datapath.maps.deniedNetworks", COUNT(datapath.maps.denied_networks),
               "Blocks of addresses on the deny list. 0: from the memory of the node."),
  };
}

std::vector<ConfigKey> map_keys() {
  return {
      map_size("datapath.maps.services", COUNT(datapath.maps.services),
               "Frontends (address, port and protocol of a service) that the kernel map holds. 0: from the memory of "
               "the node."),
      map_size(
          "datapath.maps.slots", COUNT(datapath.maps.slots),
          "Slots of all frontends together; a frontend takes one for each endpoint. 0: from the memory of the node."),
      map_size("datapath.maps.endpoints", COUNT(datapath.maps.endpoints),
               "Distinct endpoints (address, port and protocol). 0: from the memory of the node."),
      map_size("datapath.maps.owners", COUNT(datapath.maps.owners),
               "Addresses whose workload is known. 0: from the memory of the node."),
      map_size("datapath.maps.processes", COUNT(datapath.maps.processes),
               "Cgroups and users of this node whose workload is known. 0: from the memory of the node."),
      map_size("datapath.maps.affinity", COUNT(datapath.maps.affinity),
               "Clients remembered for session affinity; the least recently seen is forgotten first. 0: from the "
               "memory of the "
               "node."),
      map_size("datapath.maps.edges", COUNT(datapath.maps.edges),
               "Pairs of workloads that are counted apart; more are counted together. 0: from the memory and the CPUs "
               "of the "
               "node."),
      map_size("datapath.maps.udpFlows", COUNT(datapath.maps.udp_flows),
               "UDP conversations that are open at one time. 0: from the memory of the node."),
      map_size("datapath.maps.tuples", COUNT(datapath.maps.tuples),
               "Open connections between two workloads of this node. 0: from the memory of the node."),
      map_size("datapath.maps.connections", COUNT(datapath.maps.connections),
               "Open TCP connections that weft get connections can list. 0: from the memory of the node."),
      map_size(
          "datapath.maps.peers", COUNT(datapath.maps.peers),
          "Addresses that policies can name: pods, workloads and nodes of the whole cluster. 0: from the memory of "
          "the node."),
      map_size("datapath.maps.networks", COUNT(datapath.maps.networks),
               "Prefixes that the ipBlocks of policies name. 0: from the memory of the node."),
      map_size("datapath.maps.subjects", COUNT(datapath.maps.subjects),
               "Workloads of this node that differ in the policies that select them. 0: from the memory of the node."),
      map_size(
          "datapath.maps.policy", COUNT(datapath.maps.policy),
          "Rules of all policies for the workloads of this node, one for each peer and port. 0: from the memory of "
          "the node."),
      {"datapath.maps.events",
       COUNT(datapath.maps.events),
       kBytes,
       kRestart,
       kUsed,
       "Bytes of the ring of flow records, a power of two such as 4MiB; weftd takes twice as much memory for it. 0: "
       "from "
       "the memory of the node, at most 4MiB.",
       {},
       kSmallestRing,
       kLargestRing},
  };
}

std::vector<ConfigKey> source_keys() {
  return {
      {"discovery.files.paths", TEXTS(discovery.file_paths), kPath, kLive, kUsed,
       "Directories, of any depth, and files with the objects of the mesh: *.yaml, *.yml, *.json. Watched for "
       "changes."},
      {"discovery.kubernetes.kubeconfig", TEXT(discovery.kubeconfig), kPathOrEmpty, kRestart, kLater,
       "File that says how to reach the Kubernetes API server. Empty in a pod: its service account."},
      {"proxy.mode",
       TEXT(proxy.mode),
       kChoice,
       kRestart,
       kLater,
       "managed: weft sets up Envoy. external: weft writes its files only. off: no proxy.",
       {"managed", "external", "off"}},
      {"proxy.binary", TEXT(proxy.binary), kPath, kRestart, kLater, "The Envoy program."},
      {"proxy.dir", TEXT(proxy.dir), kPath, kRestart, kLater, "Directory for the files of the proxy."},
      {"proxy.concurrency",
       COUNT(proxy.concurrency),
       kCount,
       kRestart,
       kLater,
       "Worker threads of the proxy.",
       {},
       1,
       256},
  };
}

std::vector<ConfigKey> serving_keys() {
  return {
      {"metrics.listen", LISTEN(metrics.listen), kListen, kRestart, kUsed,
       "Address and port that serve /metrics, /livez and /readyz, or off."},
      {"metrics.maxSeries",
       COUNT(metrics.max_series),
       kCount,
       kLive,
       kUsed,
       "Time series of pairs of workloads on the metrics page; pairs beyond it are counted together.",
       {},
       100,
       1000000},
      {"metrics.histograms", FLAG(metrics.histograms), kBool, kRestart, kUsed,
       "Whether pairs of workloads get latency and duration histograms."},
      {"api.socket", TEXT(api.socket), kSocketPath, kRestart, kUsed,
       "Unix socket of the API that the weft command uses. Created with mode 0660."},
      {"api.group", TEXT(api.group), kGroup, kRestart, kUsed,
       "Group that may read from the API. Empty: the agent's own."},
      {"state.dir", TEXT(state.dir), kPath, kRestart, kUsed,
       "Directory for what the agent keeps over restarts, such as the numeric names of workloads."},
      {"log.level",
       TEXT(log.level),
       kChoice,
       kLive,
       kUsed,
       "Least severity that is logged.",
       {"trace", "debug", "info", "warn", "error", "off"}},
      {"log.format",
       TEXT(log.format),
       kChoice,
       kRestart,
       kUsed,
       "text: for people. json: one object a line. auto: text on a terminal and in the journal, else json.",
       {"auto", "text", "json"}},
  };
}

const std::vector<ConfigKey>& table() {
  static const std::vector<ConfigKey> keys = [] {
    std::vector<ConfigKey> all;
    for (auto part : {node_keys(), datapath_keys(), map_keys(), interface_map_keys(), source_keys(), serving_keys()})
      all.insert(all.end(), part.begin(), part.end());
    return all;
  }();
  return keys;
}

}  // namespace

std::span<const ConfigKey> config_keys() { return table(); }

const ConfigKey* find_config_key(std::string_view path) {
  auto it = std::ranges::find(table(), path, &ConfigKey::path);
  return it == table().end() ? nullptr : &*it;
}

bool is_config_section(std::string_view path) {
  return std::ranges::any_of(table(), [&](const ConfigKey& key) {
    return key.path.size() > path.size() && key.path.starts_with(path) && key.path[path.size()] == '.';
  });
}

std::vector<std::string> config_children(std::string_view section) {
  std::vector<std::string> names;
  for (const auto& key : table()) {
    auto rest = key.path;
    if (!section.empty()) {
      if (!rest.starts_with(section) || rest.size() <= section.size() || rest[section.size()] != '.') continue;
      rest.remove_prefix(section.size() + 1);
    }
    std::string name(rest.substr(0, rest.find('.')));
    if (std::ranges::find(names, name) == names.end()) names.push_back(std::move(name));
  }
  return names;
}

std::string config_pointer(std::string_view path) {
  std::string pointer = "/" + std::string(path);
  std::ranges::replace(pointer, '.', '/');
  return pointer;
}

nlohmann::json config_values(const Config& config) {
  auto values = nlohmann::json::object();
  for (const auto& key : table())
    values[nlohmann::json::json_pointer(config_pointer(key.path))] = config_value(key, config);
  return values;
}

std::vector<std::string> restart_needed(const Config& running, const Config& wanted) {
  std::vector<std::string> paths;
  for (const auto& key : table())
    if (key.change == ConfigChange::kRestart && config_value(key, running) != config_value(key, wanted))
      paths.emplace_back(key.path);
  return paths;
}

}  // namespace weft
