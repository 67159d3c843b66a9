#include "agent/app/status.hpp"

#include <algorithm>

#include "agent/app/node.hpp"
#include "agent/base/version.hpp"

namespace weft {
namespace {

constexpr std::uint64_t kPressurePercent = 80;

using Check = CheckView::State;

void check_attachments(const AgentState& state, std::vector<CheckView>& checks) {
  bool missing = false;
  auto all = state.attachments;
  if (state.pods) all.insert(all.end(), state.pods->attachments().begin(), state.pods->attachments().end());
  if (state.uplinks) all.insert(all.end(), state.uplinks->attachments().begin(), state.uplinks->attachments().end());
  for (const auto& attachment : all) {
    auto subject = attachment.hook + " on " + attachment.target;
    if (attachment.state == "missing") {
      checks.push_back(make_check(FindingCode::kNodeMissingAttachment, Check::kError, subject, attachment.detail));
      missing = true;
    }
    if (attachment.state == "foreign")
      checks.push_back(make_check(FindingCode::kNodeForeignProgram, Check::kWarning, subject, attachment.detail));
  }
  if (!missing)
    checks.push_back(
        make_check(FindingCode::kNodeMissingAttachment, Check::kOk, "attachments", "all programs are attached"));
}

void check_enforced(const AgentState& state, std::vector<CheckView>& checks) {
  if (!state.pods || state.settings().datapath.pods != "auto") return;
  const auto& pods = state.pods->unenforced();
  for (const auto& pod : std::span(pods).first(std::min(pods.size(), kMaxStatusUnenforced)))
    checks.push_back(make_check(FindingCode::kNodeUnenforced, Check::kError,
                                "Pod " + pod.pod.first + "/" + pod.pod.second, pod.reason));
  if (pods.size() > kMaxStatusUnenforced)
    checks.push_back(make_check(FindingCode::kNodeUnenforced, Check::kError, "pods",
                                std::to_string(pods.size() - kMaxStatusUnenforced) + " more"));
  if (pods.empty())
    checks.push_back(make_check(FindingCode::kNodeUnenforced, Check::kOk, "pods", "all are proven to be under policy"));
}

// An empty list needs no uplink.
void check_uplinks(const AgentState& state, std::vector<CheckView>& checks) {
  auto problem = make_deny_problem(state);
  bool in_use = state.mitigations->used().addresses + state.mitigations->used().networks > 0;
  auto bad = in_use ? Check::kError : state.uplinks && state.uplinks->wanted() ? Check::kWarning : Check::kOk;
  checks.push_back(make_check(FindingCode::kNodeUplinks, problem.empty() ? Check::kOk : bad, "deny list",
                              problem.empty() ? "it acts on every uplink" : problem));
}

void check_maps(const AgentState& state, std::vector<CheckView>& checks) {
  bool pressed = false;
  for (const auto& map : make_map_use(state)) {
    if (map.max == 0 || map.entries * 100 < map.max * kPressurePercent) continue;
    auto detail = std::to_string(map.entries) + " of " + std::to_string(map.max) + " entries";
    checks.push_back(make_check(FindingCode::kNodeMapPressure, map.entries >= map.max ? Check::kError : Check::kWarning,
                                map.name, detail));
    pressed = true;
  }
  if (!pressed) checks.push_back(make_check(FindingCode::kNodeMapPressure, Check::kOk, "maps", "every map has room"));
}

void check_sources(const AgentState& state, std::vector<CheckView>& checks) {
  for (const auto& [name, source] : state.controller->snapshot()->sources)
    checks.push_back(make_check(FindingCode::kNodeSourceUnsynced, source.synced ? Check::kOk : Check::kError, name,
                                source.synced ? std::to_string(source.objects) + " objects" : "not read in full yet"));
}

void check_applied(const AgentState& state, std::vector<CheckView>& checks) {
  const auto& controller = *state.controller;
  if (!controller.table_failure().empty())
    checks.push_back(
        make_check(FindingCode::kNodeNotApplied, Check::kError, "kernel maps", controller.table_failure()));
  for (const auto& [name, reason] : controller.failures())
    checks.push_back(
        make_check(FindingCode::kNodeNotApplied, Check::kError, "Service " + name.first + "/" + name.second, reason));
}

// Of every source: what is wrong with its files and objects, found while reading, compiling or writing them.
std::map<SourceId, std::uint64_t> count_findings(const AgentState& state) {
  const auto& controller = *state.controller;
  std::map<SourceId, std::uint64_t> found;
  for (const auto& [name, source] : controller.snapshot()->sources)
    found[name] = controller.fold().count_diagnostics(name);
  auto add = [&](const NamespacedName& name, std::uint64_t count) {
    if (auto place = controller.fold().find_place({ObjectKind::kService, name.first, name.second}))
      found[place->source] += count;
  };
  controller.compiled()->services.for_each([&](const NamespacedName& name, const auto& service) {
    if (!service->diagnostics.empty()) add(name, service->diagnostics.size());
  });
  for (const auto& [name, reason] : controller.failures()) add(name, 1);
  return found;
}

void add_unenforced(const AgentState& state, StatusView& view) {
  if (!state.pods) return;
  const auto& pods = state.pods->unenforced();
  view.unenforced_total = pods.size();
  for (const auto& pod : std::span(pods).first(std::min(pods.size(), kMaxStatusUnenforced)))
    view.unenforced.push_back({pod.pod, {pod.pod.first, pod.workload}, pod.reason});
}

}  // namespace

std::vector<std::uint32_t> live_identities(const Compiled& compiled) {
  auto live = live_workloads(compiled.owners ? std::span(*compiled.owners) : std::span<const OwnerRow>());
  for (const auto& owner : compiled.processes) live.push_back(owner.workload);
  std::sort(live.begin(), live.end());
  live.erase(std::unique(live.begin(), live.end()), live.end());
  return live;
}

CheckView make_check(FindingCode code, CheckView::State state, std::string subject, std::string detail) {
  CheckView check{finding_code(code), "", state, std::move(subject), std::move(detail), ""};
  if (const auto* finding = find_finding(check.code)) {
    check.title = finding->title;
    if (state != Check::kOk) check.fix = finding->fix;
  }
  return check;
}

Readiness make_readiness(const AgentState& state) {
  if (!state.controller->snapshot()->all_synced()) return {false, "not every source has been read yet"};
  if (!state.controller->ready()) return {false, "the first state is not in the kernel yet"};
  if (!state.live) return {false, "the programs are not attached yet"};
  if (!state.pods_attached) return {false, "the interfaces of pods are not attached to yet"};
  return {true, ""};
}

std::vector<KernelFeature> make_features(const AgentState& state) {
  std::vector<KernelFeature> features;
  for (auto& feature : state.datapath->features())
    features.push_back({std::move(feature.name), feature.available, std::move(feature.detail)});
  return features;
}

std::vector<Attachment> make_attachments(const AgentState& state) {
  std::vector<Attachment> attachments;
  auto add = [&](const AttachmentState& from) {
    auto kind = from.state == "attached"  ? Attachment::State::kAttached
                : from.state == "missing" ? Attachment::State::kMissing
                                          : Attachment::State::kForeign;
    attachments.push_back({from.hook, from.target, kind, from.detail});
  };
  for (const auto& from : state.attachments) add(from);
  if (state.pods)
    for (const auto& from : state.pods->attachments()) add(from);
  if (state.uplinks)
    for (const auto& from : state.uplinks->attachments()) add(from);
  return attachments;
}

std::vector<MapUse> make_map_use(const AgentState& state) {
  auto used = state.controller->used();
  const auto& sizes = state.controller->sizes();
  std::vector<MapUse> maps{{"weft_services", used.services, sizes.services},
                           {"weft_slots", used.slots, sizes.slots},
                           {"weft_endpoints", used.endpoints, sizes.endpoints},
                           {"weft_owners", used.owners, sizes.owners},
                           {"weft_processes", used.processes, sizes.processes}};
  auto denied = state.mitigations->used(), room = state.mitigations->max();
  maps.push_back({"weft_denied_addresses", denied.addresses, room.addresses});
  maps.push_back({"weft_denied_networks", denied.networks, room.networks});
  maps.insert(maps.end(), state.report.map_use.begin(), state.report.map_use.end());
  return maps;
}

std::vector<Diagnostic> make_findings(const AgentState& state) {
  std::vector<Diagnostic> findings;
  state.controller->snapshot()->diagnostics.for_each(
      [&](const NamespacedName&, const std::vector<Diagnostic>& of_origin) {
        findings.insert(findings.end(), of_origin.begin(), of_origin.end());
      });
  if (state.controller->compiled())
    state.controller->compiled()->services.for_each([&](const NamespacedName&, const auto& service) {
      findings.insert(findings.end(), service->diagnostics.begin(), service->diagnostics.end());
    });
  for (const auto& [name, reason] : state.controller->failures())
    findings.push_back({Diagnostic::Severity::kError,
                        finding_code(FindingCode::kNodeNotApplied),
                        {ObjectKind::kService, name.first, name.second},
                        "",
                        reason,
                        ""});
  findings.insert(findings.end(), state.mitigations->findings().begin(), state.mitigations->findings().end());
  std::stable_sort(findings.begin(), findings.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.severity < b.severity; });
  return findings;
}

ObjectStatus make_service_status(const AgentState& state, const NamespacedName& name) {
  ObjectStatus status;
  const auto* compiled = state.controller->compiled()->services.find(name);
  if (compiled != nullptr) status.findings = (*compiled)->diagnostics;
  auto failure = state.controller->find_failure(name);
  auto error = std::find_if(status.findings.begin(), status.findings.end(),
                            [](const Diagnostic& finding) { return finding.severity == Diagnostic::Severity::kError; });
  if (error != status.findings.end()) {
    status.state = ObjectStatus::State::kError;
    status.reason = error->field.empty() ? error->reason : error->field + ": " + error->reason;
  } else if (!failure.empty()) {
    status.state = ObjectStatus::State::kError;
    status.reason = failure;
  } else if (compiled == nullptr || state.controller->applied_revision() == 0 || !state.live) {
    status.state = ObjectStatus::State::kAccepted;
    status.reason = "not in the kernel yet";
  }
  return status;
}

StatusView make_status(const AgentState& state) {
  const auto& controller = *state.controller;
  const auto& snapshot = *controller.snapshot();
  StatusView view;
  view.readiness = make_readiness(state);
  view.version = weft_version();
  view.node_name = controller.facts().name;
  view.zone = controller.facts().zone;
  view.region = controller.facts().region;
  if (const auto* node = snapshot.nodes.find({"", view.node_name})) {
    if (view.zone.empty()) view.zone = (*node)->zone;
    if (view.region.empty()) view.region = (*node)->region;
  }
  view.started_ns = state.started_ns;
  view.uptime_s = (monotonic_ns() - state.started_monotonic_ns) / 1'000'000'000;
  view.revision_desired = controller.desired_revision();
  view.revision_applied = controller.applied_revision();
  view.services = snapshot.services.size();
  auto live = live_identities(*controller.compiled());
  view.workloads =
      static_cast<std::uint64_t>(live.end() - std::lower_bound(live.begin(), live.end(), WEFT_IDENTITY_FIRST));
  view.endpoints = controller.used().endpoints;
  view.edges = state.report.edge_list ? state.report.edge_list->size() : 0;
  view.rates = state.report.rates;
  view.features = make_features(state);
  view.attachments = make_attachments(state);
  add_unenforced(state, view);
  view.maps = make_map_use(state);
  auto denied = state.mitigations->used();
  view.denied = std::uint64_t{denied.addresses} + denied.networks;
  view.uplinks = state.uplinks ? state.uplinks->uplinks() : 0;
  view.guarded = state.uplinks ? state.uplinks->guarded() : 0;
  view.deny_problem = view.denied == 0 ? "" : make_deny_problem(state);
  view.quarantined = make_quarantines(state);
  view.events_total = state.report.counters[WEFT_COUNT_EVENTS];
  view.events_lost = state.report.counters[WEFT_COUNT_EVENTS_LOST];
  view.drift_repaired = state.drift_repaired;
  view.findings = make_findings(state);
  view.findings_total = view.findings.size();
  auto found = count_findings(state);
  for (const auto& [name, source] : snapshot.sources) {
    auto facts = state.sources.find(name);
    view.sources.push_back({name, source.synced, source.objects,
                            facts == state.sources.end() ? 0 : facts->second.last_change_ns, found[name]});
  }
  return view;
}

std::vector<CheckView> make_checks(const AgentState& state) {
  std::vector<CheckView> checks;
  for (const auto& feature : state.datapath->features())
    checks.push_back(make_check(FindingCode::kNodeProgram, feature.available ? Check::kOk : Check::kWarning,
                                feature.name, feature.available ? "every program loads" : feature.detail));
  check_attachments(state, checks);
  check_uplinks(state, checks);
  if (!state.pins_present)
    checks.push_back(make_check(FindingCode::kNodePinsGone, Check::kError, state.settings().datapath.bpffs,
                                "the directory that weftd opened is not there any more"));
  check_enforced(state, checks);
  check_maps(state, checks);
  check_sources(state, checks);
  check_applied(state, checks);
  auto findings = make_findings(state);
  auto errors = std::count_if(findings.begin(), findings.end(), [](const Diagnostic& finding) {
    return finding.severity == Diagnostic::Severity::kError;
  });
  checks.push_back(
      make_check(FindingCode::kNodeObjectsInvalid, errors > 0 ? Check::kError : Check::kOk, "objects",
                 errors > 0 ? std::to_string(errors) + " errors; see weft status" : "no object was refused"));
  auto lost = state.report.counters[WEFT_COUNT_EVENTS_LOST];
  checks.push_back(make_check(FindingCode::kNodeEventsLost, lost > 0 ? Check::kWarning : Check::kOk, "flow records",
                              std::to_string(lost) + " lost"));
  for (const auto& error : state.report.helper_errors)
    checks.push_back(make_check(FindingCode::kNodeHelperErrors, Check::kWarning,
                                "helper " + std::to_string(error.helper),
                                std::to_string(error.count) + " times errno " + std::to_string(error.error)));
  return checks;
}

}  // namespace weft
