// The objects that say what the mesh should be, as immutable values: what a manifest or the API server says, checked
// and typed, without anything that weft does not use. decode.hpp makes them from JSON, fold.hpp keeps them in
// snapshots.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/base/address.hpp"

namespace weft {

enum class Protocol : std::uint8_t { kTcp = 6, kUdp = 17, kSctp = 132 };  // IANA protocol numbers
std::string_view protocol_name(Protocol protocol);                        // "TCP", "UDP", "SCTP"

enum class ObjectKind : std::uint8_t {
  kNamespace,
  kNode,
  kPod,
  kService,
  kEndpointSlice,
  kWorkload,
  kNetworkPolicy,
  kClusterNetworkPolicy,
  kDenyList,
  kQuarantine  // no manifest has it: people quarantine by command
};
inline constexpr std::size_t kObjectKinds = 9;  // that manifests have
std::string_view kind_name(ObjectKind kind);    // "Namespace", …

// Identifies an object over its life; `space` is empty for cluster-wide kinds.
struct ObjectKey {
  ObjectKind kind = ObjectKind::kNamespace;
  std::string space;
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
  std::string text() const;  // "Service shop/web"
};

using Labels = std::map<std::string, std::string, std::less<>>;

// matchLabels and matchExpressions (Kubernetes API, LabelSelector); an empty selector selects everything.
struct LabelSelector {
  enum class Operator : std::uint8_t { kIn, kNotIn, kExists, kDoesNotExist };
  struct Requirement {
    std::string key;
    Operator op = Operator::kIn;
    std::vector<std::string> values;
    bool operator==(const Requirement&) const = default;
  };
  std::vector<Requirement> requirements;  // all must hold
  bool matches(const Labels& labels) const;
  bool operator==(const LabelSelector&) const = default;
};

struct Metadata {
  std::string space;  // namespace; empty for cluster-wide kinds
  std::string name;
  std::string uid;  // empty when the source has none
  Labels labels;
  bool deleting = false;  // deletionTimestamp is set
  bool operator==(const Metadata&) const = default;
};

struct Namespace {
  Metadata metadata;
  bool operator==(const Namespace&) const = default;
};

struct Node {
  Metadata metadata;
  std::vector<IpAddress> addresses;  // InternalIP and ExternalIP
  std::string zone;                  // topology.kubernetes.io/zone
  std::string region;                // topology.kubernetes.io/region
  bool operator==(const Node&) const = default;
};

struct NamedPort {
  std::string name;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  std::string app_protocol;
  bool operator==(const NamedPort&) const = default;
};

struct Pod {
  Metadata metadata;
  std::string node;
  std::string service_account;  // "default" when absent
  std::string owner;  // the workload's name: owner without the ReplicaSet hash; the pod's own name when unowned
  std::vector<IpAddress> addresses;
  bool host_network = false;
  bool running = false;  // phase Running or Pending with addresses; Succeeded and Failed pods own no address
  bool ready = false;
  std::vector<NamedPort> ports;
  bool operator==(const Pod&) const = default;
};

// mesh.weft.dev/v1alpha1 Workload: processes on a host, a Pod without Kubernetes.
struct Workload {
  struct Process {
    std::string systemd_unit;  // exactly one of the three is set, or none
    std::string cgroup;        // absolute below the cgroup v2 root
    std::optional<std::uint32_t> uid;
    bool operator==(const Process&) const = default;
  };
  Metadata metadata;
  std::string node;  // empty: this node
  Process process;
  std::vector<IpAddress> addresses;  // empty: the node's
  std::vector<NamedPort> ports;
  std::string service_account;  // "default" when absent
  bool operator==(const Workload&) const = default;
};

struct ServicePort {
  std::string name;
  Protocol protocol = Protocol::kTcp;
  std::uint16_t port = 0;
  std::uint16_t target_port = 0;  // used when target_port_name is empty
  std::string target_port_name;
  std::uint16_t node_port = 0;  // 0: none
  std::string app_protocol;
  bool operator==(const ServicePort&) const = default;
};

struct Service {
  enum class Type : std::uint8_t { kClusterIp, kNodePort, kLoadBalancer, kExternalName };
  enum class Distribution : std::uint8_t { kAny, kPreferZone, kPreferNode };  // spec.trafficDistribution

  Metadata metadata;
  Type type = Type::kClusterIp;
  bool headless = false;
  std::vector<IpAddress> cluster_ips;   // one per family
  std::vector<IpAddress> external_ips;  // spec.externalIPs and status.loadBalancer.ingress[].ip
  std::string external_name;
  std::optional<Labels> selector;  // absent: endpoints come from EndpointSlices only
  std::vector<ServicePort> ports;
  std::uint32_t affinity_timeout_s = 0;  // 0: no affinity; sessionAffinity ClientIP defaults to 10800
  bool internal_local = false;           // internalTrafficPolicy: Local
  bool external_local = false;           // externalTrafficPolicy: Local
  bool publish_not_ready = false;
  Distribution distribution = Distribution::kAny;
  bool operator==(const Service&) const = default;
};

struct EndpointSlice {
  struct Endpoint {
    std::vector<IpAddress> addresses;
    bool ready = true;
    bool serving = true;
    bool terminating = false;
    std::string node;
    std::string zone;
    std::vector<std::string> hint_zones;  // hints.forZones
    std::vector<std::string> hint_nodes;  // hints.forNodes
    std::string target_space;             // targetRef of kind Pod or Workload
    std::string target_name;
    bool operator==(const Endpoint&) const = default;
  };
  Metadata metadata;
  std::string service;  // label kubernetes.io/service-name
  std::vector<NamedPort> ports;
  std::vector<Endpoint> endpoints;
  bool operator==(const EndpointSlice&) const = default;
};

struct NetworkPolicy;  // policy.hpp
struct ClusterNetworkPolicy;
struct DenyList;  // deny_list.hpp

using Object = std::variant<std::shared_ptr<const Namespace>, std::shared_ptr<const Node>, std::shared_ptr<const Pod>,
                            std::shared_ptr<const Service>, std::shared_ptr<const EndpointSlice>,
                            std::shared_ptr<const Workload>, std::shared_ptr<const NetworkPolicy>,
                            std::shared_ptr<const ClusterNetworkPolicy>, std::shared_ptr<const DenyList>>;
ObjectKey object_key(const Object& object);

// A finding about one object, for its status and for `weft analyze`.
struct Diagnostic {
  enum class Severity : std::uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  std::string code;  // "WEFT1234"; the text is under `weft doc`
  ObjectKey object;
  std::string field;   // "spec.ports[0].port"; empty when the whole object is meant
  std::string reason;  // one sentence: what is wrong and how to fix it
  std::string origin;  // "file:line" when it came from a file
  bool operator==(const Diagnostic&) const = default;
};

}  // namespace weft
