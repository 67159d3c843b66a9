// Every metric family of weft, once: the page's HELP and TYPE lines and docs/metrics.md come from this table.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace weft {

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

#define WEFT_EDGE_LABELS                                                                                  \
  "source_namespace, source_workload, destination_namespace, destination_workload, destination_service, " \
  "destination_port, protocol, reporter"
#define WEFT_PAIR_LABELS "source_namespace, source_workload, destination_namespace, destination_workload"

// X(id, name, type, labels, help)
#define WEFT_TRAFFIC_FAMILIES(X)                                                                               \
  X(kConnectionsOpened, "weft_connections_opened_total", kCounter, WEFT_EDGE_LABELS,                           \
    "Connections established; UDP: conversations begun.")                                                      \
  X(kConnectionsClosed, "weft_connections_closed_total", kCounter, WEFT_EDGE_LABELS ", reason",                \
    "Connections ended, by how they ended.")                                                                   \
  X(kConnectionsFailed, "weft_connections_failed_total", kCounter, WEFT_EDGE_LABELS ", reason",                \
    "Connections that never stood, by why.")                                                                   \
  X(kConnectionsActive, "weft_connections_active", kGauge, WEFT_EDGE_LABELS, "Connections open now.")          \
  X(kSentBytes, "weft_sent_bytes_total", kCounter, WEFT_EDGE_LABELS, "Payload from client to server.")         \
  X(kReceivedBytes, "weft_received_bytes_total", kCounter, WEFT_EDGE_LABELS, "Payload from server to client.") \
  X(kSentPackets, "weft_sent_packets_total", kCounter, WEFT_EDGE_LABELS,                                       \
    "Segments or datagrams from client to server.")                                                            \
  X(kReceivedPackets, "weft_received_packets_total", kCounter, WEFT_EDGE_LABELS,                               \
    "Segments or datagrams from server to client.")                                                            \
  X(kRetransmits, "weft_tcp_retransmits_total", kCounter, WEFT_EDGE_LABELS,                                    \
    "TCP segments sent again by the reporting end.")                                                           \
  X(kInterZoneBytes, "weft_inter_zone_bytes_total", kCounter, WEFT_EDGE_LABELS,                                \
    "Payload in both directions that crossed zones.")                                                          \
  X(kConnectDuration, "weft_tcp_connect_duration_seconds", kHistogram, WEFT_PAIR_LABELS,                       \
    "From SYN to established, as the client saw it.")                                                          \
  X(kRtt, "weft_tcp_rtt_seconds", kHistogram, WEFT_PAIR_LABELS,                                                \
    "Smoothed round-trip time at the end of a connection.")                                                    \
  X(kConnectionDuration, "weft_connection_duration_seconds", kHistogram, WEFT_PAIR_LABELS,                     \
    "From open to close of a connection.")                                                                     \
  X(kFlowSeries, "weft_flow_series", kGauge, "state",                                                          \
    "Time series of edges: active are exposed, folded are summed up in _other.")

#define WEFT_BALANCING_FAMILIES(X)                                                                              \
  X(kLbEndpoints, "weft_lb_endpoints", kGauge, "service, state",                                                \
    "Endpoints of a service: ready, not_ready or terminating.")                                                 \
  X(kLbSelections, "weft_lb_selections_total", kCounter, "", "Connections and datagrams given to an endpoint.") \
  X(kLbNoEndpoint, "weft_lb_no_endpoint_total", kCounter, "",                                                   \
    "Connections refused because the service has no endpoint.")                                                 \
  X(kLbAffinityHits, "weft_lb_affinity_hits_total", kCounter, "", "Selections decided by session affinity.")    \
  X(kLbInconsistent, "weft_lb_inconsistent_total", kCounter, "",                                                \
    "Look-ups that met a missing slot or endpoint and left the packet alone.")

#define WEFT_POLICY_FAMILIES(X)                                                                                    \
  X(kPolicyVerdicts, "weft_policy_verdicts_total", kCounter, "direction, verdict, policy, rule",                   \
    "Decisions of policy: new connections allowed, packets denied, connections that audited policies would deny.") \
  X(kDrops, "weft_drops_total", kCounter, "reason", "Packets that were dropped, by why.")

#define WEFT_AGENT_FAMILIES(X)                                                                                      \
  X(kBuildInfo, "weft_build_info", kGauge, "version", "Always 1; the version is in the label.")                     \
  X(kKernelFeature, "weft_kernel_feature", kGauge, "feature", "1 when the running kernel has the feature, else 0.") \
  X(kAttachments, "weft_attachments", kGauge, "hook, state",                                                        \
    "Programs on a hook: attached, missing, or foreign (of somebody else).")                                        \
  X(kUnenforced, "weft_unenforced_workloads", kGauge, "",                                                           \
    "Workloads of this node with a pod whose packets are not judged; weft status says which and why.")              \
  X(kEnforcementProofs, "weft_enforcement_proofs_total", kCounter, "result",                                        \
    "Pods of this node that were proven to be under policy, or failed: rows and answers of the kernel.")            \
  X(kQuarantined, "weft_quarantined_workloads", kGauge, "", "Workloads that are in quarantine by command.")         \
  X(kMapEntries, "weft_map_entries", kGauge, "map", "Entries of a kernel map.")                                     \
  X(kMapMaxEntries, "weft_map_max_entries", kGauge, "map", "Size of a kernel map.")                                 \
  X(kHelperErrors, "weft_helper_errors_total", kCounter, "helper, errno",                                           \
    "Kernel helpers that failed inside of our programs.")                                                           \
  X(kEvents, "weft_events_total", kCounter, "", "Flow records that the kernel offered to the ring.")                \
  X(kEventsLost, "weft_events_lost_total", kCounter, "", "Flow records for which the ring had no room.")            \
  X(kEventsInvalid, "weft_events_invalid_total", kCounter, "", "Flow records that could not be understood.")        \
  X(kEdgeUpdatesLost, "weft_edge_updates_lost_total", kCounter, "",                                                 \
    "Flow updates without a row in the full edge map; they are counted in _other.")                                 \
  X(kDiscoveryObjects, "weft_discovery_objects", kGauge, "source, kind", "Objects that a source holds.")            \
  X(kDiscoveryLastSync, "weft_discovery_last_sync_timestamp_seconds", kGauge, "source",                             \
    "When a source last was known to be complete; unix time.")                                                      \
  X(kPropagation, "weft_propagation_duration_seconds", kHistogram, "",                                              \
    "From the event of a source to the write of the kernel maps.")                                                  \
  X(kApplyLag, "weft_apply_lag_revisions", kGauge, "",                                                              \
    "Revisions of the objects that are not in the kernel maps yet.")                                                \
  X(kDriftRepaired, "weft_drift_repaired_total", kCounter, "",                                                      \
    "Kernel map entries that differed from what was written, and were repaired.")                                   \
  X(kConfigReloads, "weft_config_reloads_total", kCounter, "result",                                                \
    "Reloads of configuration and objects: applied or refused.")

#define WEFT_PROCESS_FAMILIES(X)                                                                      \
  X(kProcessCpu, "process_cpu_seconds_total", kCounter, "", "User and system CPU time of the agent.") \
  X(kProcessResident, "process_resident_memory_bytes", kGauge, "", "Resident memory of the agent.")   \
  X(kProcessVirtual, "process_virtual_memory_bytes", kGauge, "", "Virtual memory of the agent.")      \
  X(kProcessOpenFds, "process_open_fds", kGauge, "", "Open file descriptors of the agent.")           \
  X(kProcessMaxFds, "process_max_fds", kGauge, "", "Limit of open file descriptors of the agent.")    \
  X(kProcessThreads, "process_threads", kGauge, "", "Threads of the agent.")                          \
  X(kProcessStart, "process_start_time_seconds", kGauge, "", "When the agent started; unix time.")

#define WEFT_METRIC_FAMILIES(X) \
  WEFT_TRAFFIC_FAMILIES(X)      \
  WEFT_BALANCING_FAMILIES(X)    \
  WEFT_POLICY_FAMILIES(X) WEFT_AGENT_FAMILIES(X) WEFT_PROCESS_FAMILIES(X)

struct MetricFamily {
  std::string_view name;
  MetricType type;
  std::string_view labels;  // comma-separated
  std::string_view help;
};

#define WEFT_X_FAMILY_ID(id, name, type, labels, help) id,
enum class FamilyId : std::uint8_t { WEFT_METRIC_FAMILIES(WEFT_X_FAMILY_ID) };
#undef WEFT_X_FAMILY_ID

#define WEFT_X_FAMILY(id, name, type, labels, help) MetricFamily{name, MetricType::type, labels, help},
inline constexpr auto kMetricFamilies = std::to_array<MetricFamily>({WEFT_METRIC_FAMILIES(WEFT_X_FAMILY)});
#undef WEFT_X_FAMILY

constexpr const MetricFamily& metric_family(FamilyId id) { return kMetricFamilies[static_cast<std::size_t>(id)]; }
std::string_view metric_type_name(MetricType type);  // "counter", "gauge", "histogram"

}  // namespace weft
