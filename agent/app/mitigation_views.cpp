// What the API tells and changes of the deny list and of quarantines.
#include <fmt/format.h>

#include <algorithm>

#include "agent/app/backend.hpp"
#include "agent/app/status.hpp"

namespace weft {
namespace {

Caller caller_of(const HttpPeer& peer) { return {peer.uid, peer.pid}; }

DeniedView view_of(const DeniedBlock& block, Moment now) {
  DeniedView view;
  view.cidr = block.cidr.text();
  view.until_ns = block.until_ns;
  if (block.command != nullptr) {
    view.by_command = true;
    view.added_ns = block.command->added_ns;
    view.uid = block.command->by.uid;
    view.pid = block.command->by.pid;
    view.reason = block.command->reason;
  }
  view.lists = block.lists;
  view.packets = block.hits.packets;
  view.bytes = block.hits.bytes;
  if (block.hits.packets > 0) view.last_ns = static_cast<std::int64_t>(block.hits.last_ns) - now.boot_ns + now.wall_ns;
  return view;
}

QuarantineView view_of(const NamespacedName& name, const QuarantineOrder& order) {
  return {name.first, name.second, order.since_ns, order.by.uid, order.reason};
}

// A workload by its own name, or by that of one of its pods.
std::optional<NamespacedName> find_workload(const Snapshot& snapshot, const NamespacedName& name) {
  if (snapshot.workloads.find(name) != nullptr) return name;
  bool owns = false;
  snapshot.pods.for_each([&](const NamespacedName& pod, const auto& object) {
    owns = owns || (pod.first == name.first && object->owner == name.second);
  });
  if (owns) return name;
  if (const auto* pod = snapshot.pods.find(name)) return workload_of(**pod);
  return std::nullopt;
}

}  // namespace

std::vector<QuarantineView> make_quarantines(const AgentState& state) {
  std::vector<QuarantineView> views;
  for (const auto& [name, order] : state.mitigations->state().quarantined) views.push_back(view_of(name, order));
  return views;
}

std::string make_deny_problem(const AgentState& state) {
  if (!state.mitigations->failure().empty()) return state.mitigations->failure();
  if (!state.datapath->has(Feature::kDenyList)) return "this kernel does not take its programs";
  if (!state.uplinks) return "";
  if (!state.uplinks->wanted()) return "datapath.uplinks is empty: it acts on no interface";
  if (state.uplinks->uplinks() == 0) return "no interface matches datapath.uplinks";
  if (state.uplinks->guarded() < state.uplinks->uplinks())
    return fmt::format("it acts on {} of {} uplinks", state.uplinks->guarded(), state.uplinks->uplinks());
  return "";
}

Result<DenyListView> AgentBackend::deny_list() const {
  auto now = Moment::now();
  DenyListView view;
  for (const auto& block : WEFT_TRY(state_.mitigations->list())) view.denied.push_back(view_of(block, now));
  for (const auto& attachment : make_attachments(state_))
    if (attachment.hook.starts_with("uplink_")) view.uplinks.push_back(attachment);
  view.problem = make_deny_problem(state_);
  const auto& audit = state_.mitigations->state().audit;
  for (auto record = audit.rbegin(); record != audit.rend(); ++record)
    view.audit.push_back(
        {record->time_ns, record->by.uid, record->by.pid, record->action, record->subject, record->detail});
  return view;
}

Result<> AgentBackend::change_deny_list(const DenyRequest& request, const HttpPeer& by) {
  auto now = Moment::now();
  if (request.remove) return state_.mitigations->allow(request.cidrs, caller_of(by), now);
  return state_.mitigations->deny({request.cidrs, request.ttl_s, request.reason, request.force}, caller_of(by), now);
}

Result<QuarantineView> AgentBackend::quarantine(const QuarantineRequest& request, const HttpPeer& by) {
  auto now = Moment::now();
  auto& mitigations = *state_.mitigations;
  NamespacedName asked{request.space, request.workload};
  auto name = mitigations.state().quarantined.contains(asked)
                  ? asked
                  : find_workload(*state_.controller->snapshot(), asked).value_or(NamespacedName());
  if (name.second.empty()) return fail(ENOENT, "there is no workload and no pod " + asked.first + "/" + asked.second);
  QuarantineView view;
  if (request.release) {
    if (auto order = mitigations.state().quarantined.find(name); order != mitigations.state().quarantined.end())
      view = view_of(name, order->second);
    WEFT_TRY(mitigations.release(name, caller_of(by), now));
  } else {
    WEFT_TRY(mitigations.quarantine(name, request.reason, caller_of(by), now));
    view = view_of(name, mitigations.state().quarantined.at(name));
  }
  apply_policy_();
  if (!state_.policy->failure().empty())
    return fail(EIO, "it is noted and will be tried again, but the kernel refuses: " + state_.policy->failure());
  return view;
}

}  // namespace weft
