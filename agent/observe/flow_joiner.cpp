#include "agent/observe/flow_joiner.hpp"

#include <cstring>

namespace weft {
namespace {

class NoNames final : public NameSource {
 public:
  const NamespacedName* find_workload(std::uint32_t) const override { return nullptr; }
  const NamespacedName* find_service(std::uint32_t) const override { return nullptr; }
  const std::string* find_zone(std::uint16_t) const override { return nullptr; }
  bool workload_lives(std::uint32_t) const override { return false; }
};

void set_decision(Flow& flow, const weft_flow_event& event) {
  bool audited = event.kind == WEFT_FLOW_AUDIT;
  flow.kind = audited ? FlowKind::kAudit : FlowKind::kDeny;
  flow.verdict = audited ? FlowVerdict::kAudited : FlowVerdict::kDenied;
  flow.reason = verdict_reason_name(event.reason);
  flow.direction = direction_name(event.direction);
}

// A refusal is a deny; any other failure is a connection that ended before it stood.
void set_outcome(Flow& flow, const weft_flow_event& event) {
  if (event.kind == WEFT_FLOW_OPEN) return;
  if (event.kind == WEFT_FLOW_DENY || event.kind == WEFT_FLOW_AUDIT) return set_decision(flow, event);
  flow.kind = FlowKind::kClose;
  flow.reason = event.kind == WEFT_FLOW_CLOSE ? close_reason_name(event.reason) : fail_reason_name(event.reason);
  if (event.kind != WEFT_FLOW_FAIL) return;
  if (event.reason == WEFT_FAIL_NO_ENDPOINTS) flow.verdict = FlowVerdict::kNoEndpoint;
  if (event.reason == WEFT_FAIL_DENIED) flow.verdict = FlowVerdict::kDenied;
  if (flow.verdict != FlowVerdict::kAllowed) flow.kind = FlowKind::kDeny;
}

void set_amounts(Flow& flow, const weft_flow_event& event) {
  flow.sent_bytes = event.sent_bytes;
  flow.received_bytes = event.received_bytes;
  flow.sent_packets = event.sent_packets;
  flow.received_packets = event.received_packets;
  flow.retransmits = event.retransmits;
  flow.rtt_us = event.rtt_us;
  flow.duration_ns = event.duration_ns;
}

void set_service(Flow& flow, const weft_flow_event& event) {
  SocketAddress address{to_ip_address(event.service_address), ntohs(event.service_port)};
  if (!address.address.is_unspecified()) flow.service_address = address;
}

// Wraps instead of overflowing on times that no clock shows.
std::int64_t wall_time_ns(std::uint64_t monotonic_ns, std::int64_t offset_ns) {
  return static_cast<std::int64_t>(monotonic_ns + static_cast<std::uint64_t>(offset_ns));
}

}  // namespace

FlowJoiner::FlowJoiner(std::int64_t wall_offset_ns, CgroupResolver resolve_cgroup)
    : wall_offset_ns_(wall_offset_ns),
      resolve_cgroup_(std::move(resolve_cgroup)),
      names_(std::make_shared<const NoNames>()) {}

void FlowJoiner::update(const std::shared_ptr<const Snapshot>& snapshot, std::shared_ptr<const NameSource> names) {
  names_ = std::move(names);
  pods_.update(snapshot);
  if (snapshot == snapshot_) return;
  static const Snapshot nothing;
  bool nodes_changed = false;
  snapshot->nodes.for_each_touched(snapshot_ ? snapshot_->nodes : nothing.nodes,
                                   [&](const auto&, const auto*, const auto*) { nodes_changed = true; });
  snapshot_ = snapshot;
  if (!nodes_changed) return;
  regions_.clear();
  places_.clear();
  snapshot->nodes.for_each([&](const auto&, const auto& node) {
    if (!node->zone.empty() && !node->region.empty()) regions_[node->zone] = node->region;
  });
}

Flow FlowJoiner::join(const weft_flow_event& event) {
  Flow flow;
  flow.time_ns = wall_time_ns(event.time_ns, wall_offset_ns_);
  flow.protocol = event.protocol;
  flow.reporter = event.reporter;
  set_outcome(flow, event);
  set_amounts(flow, event);
  set_service(flow, event);
  flow.source = make_end(event.source_workload, event.source_zone, event.source, ntohs(event.source_port));
  flow.destination =
      make_end(event.destination_workload, event.destination_zone, event.destination, ntohs(event.destination_port));
  if (flow.verdict == FlowVerdict::kNoEndpoint) flow.destination.workload = nullptr;
  flow.service = cache_.service(event.service, *names_);
  if (!flow.direction.empty()) flow.policy = cache_.rule(event.rule, *names_);
  flow.pid = event.pid;
  flow.command.assign(event.command, ::strnlen(event.command, sizeof event.command));
  flow.process = find_process(event.cgroup, event.time_ns);
  return flow;
}

FlowEnd FlowJoiner::make_end(std::uint32_t workload, std::uint16_t zone, const weft_address& address,
                             std::uint16_t port) {
  FlowEnd end;
  end.workload = cache_.workload(workload, *names_);
  end.address = {to_ip_address(address), port};
  end.pod_object = pods_.find_pod(end.address.address);
  if (end.pod_object) end.pod = {end.pod_object, &end.pod_object->metadata.name};  // shares the pod's own storage
  end.place = find_place(zone);
  return end;
}

std::shared_ptr<const Place> FlowJoiner::find_place(std::uint16_t zone) {
  if (zone == 0) return nullptr;
  if (auto it = places_.find(zone); it != places_.end()) return it->second;
  const auto* name = names_->find_zone(zone);
  if (name == nullptr) return nullptr;
  auto region = regions_.find(*name);
  return places_[zone] = std::make_shared<const Place>(*name, region == regions_.end() ? "" : region->second);
}

std::shared_ptr<const ProcessPlace> FlowJoiner::find_process(std::uint64_t cgroup, std::uint64_t now_ns) {
  if (cgroup == 0 || !resolve_cgroup_) return nullptr;
  auto it = processes_.find(cgroup);
  bool fresh =
      it != processes_.end() &&
      (it->second.place || (now_ns >= it->second.asked_ns && now_ns - it->second.asked_ns < kUnknownCgroupRetryNs));
  if (fresh) return it->second.place;
  if (processes_.size() >= kMaxProcesses) processes_.clear();
  auto path = resolve_cgroup_(cgroup);
  std::shared_ptr<const ProcessPlace> place;
  if (!path.empty()) place = std::make_shared<const ProcessPlace>(path, systemd_unit(path));
  processes_[cgroup] = {place, now_ns};
  return place;
}

}  // namespace weft
