#include "agent/app/backend.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "agent/app/cgroups.hpp"
#include "agent/app/log.hpp"
#include "agent/app/node.hpp"
#include "agent/app/status.hpp"
#include "agent/compile/abi.hpp"
#include "agent/config/keys.hpp"
#include "agent/observe/flow_joiner.hpp"

namespace weft {
namespace {

std::vector<std::shared_ptr<const Service>> find_services(const Snapshot& snapshot, const ListQuery& query) {
  std::vector<std::shared_ptr<const Service>> found;
  snapshot.services.for_each([&](const NamespacedName& name, const std::shared_ptr<const Service>& service) {
    if (query.matches(name.first, name.second)) found.push_back(service);
  });
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a->metadata.space, a->metadata.name) < std::tie(b->metadata.space, b->metadata.name);
  });
  return found;
}

std::vector<FrontendView> frontends_of(const CompiledService& service) {
  std::vector<FrontendView> views;
  for (const auto& frontend : service.frontends) {
    FrontendView view{
        from_abi(frontend.key.address), ntohs(frontend.key.port), static_cast<Protocol>(frontend.key.protocol), {}};
    for (const auto& endpoint : service.sets[frontend.set].endpoints)
      view.endpoints.push_back({from_abi(endpoint.address), ntohs(endpoint.port)});
    views.push_back(std::move(view));
  }
  return views;
}

std::set<SocketAddress> programmed_endpoints(const AgentState& state, const NamespacedName& name) {
  std::set<SocketAddress> programmed;
  const auto* compiled = state.controller->compiled()->services.find(name);
  if (compiled == nullptr || !state.controller->find_failure(name).empty()) return programmed;
  for (const auto& set : (*compiled)->sets)
    for (const auto& endpoint : set.endpoints) programmed.insert({from_abi(endpoint.address), ntohs(endpoint.port)});
  return programmed;
}

std::map<NamespacedName, std::uint32_t> ids_by_name(const Names& names) {
  std::map<NamespacedName, std::uint32_t> ids;
  for (const auto& [id, name] : names.workloads) ids.emplace(name, id);
  return ids;
}

std::string zone_of(const Snapshot& snapshot, const std::string& node, const NodeFacts& facts) {
  if (node == facts.name && !facts.zone.empty()) return facts.zone;
  const auto* found = snapshot.nodes.find({"", node});
  return found == nullptr ? std::string() : (*found)->zone;
}

void add_pods(const Snapshot& snapshot, const ListQuery& query, std::map<NamespacedName, WorkloadView>& views) {
  snapshot.pods.for_each([&](const NamespacedName& name, const std::shared_ptr<const Pod>& pod) {
    if (!query.matches(name.first, pod->owner)) return;
    auto& view = views[{name.first, pod->owner}];
    if (view.kind.empty()) {
      view.kind = "Pod";
      view.node = pod->node;
      view.ports = pod->ports;
      view.service_account = pod->service_account;
    }
    view.pods.push_back(name.second);
    view.addresses.insert(view.addresses.end(), pod->addresses.begin(), pod->addresses.end());
  });
}

void add_workloads(const Snapshot& snapshot, const ListQuery& query, const NodeFacts& facts,
                   std::map<NamespacedName, WorkloadView>& views) {
  snapshot.workloads.for_each([&](const NamespacedName& name, const std::shared_ptr<const Workload>& workload) {
    if (!query.matches(name.first, name.second)) return;
    auto& view = views[name];
    view.kind = "Workload";
    view.node = workload->node.empty() ? facts.name : workload->node;
    view.addresses = workload->addresses.empty() && view.node == facts.name ? facts.addresses : workload->addresses;
    view.ports = workload->ports;
    view.service_account = workload->service_account;
    view.process = workload->process;
  });
}

}  // namespace

Readiness AgentBackend::readiness() const { return make_readiness(state_); }
StatusView AgentBackend::status() const { return make_status(state_); }
std::vector<CheckView> AgentBackend::checks() const { return make_checks(state_); }

Source<ServiceView> AgentBackend::services(const ListQuery& query) const {
  return [this, compiled = state_.controller->compiled(), found = find_services(*state_.controller->snapshot(), query),
          next = std::size_t{0}](ServiceView& view) mutable {
    if (next == found.size()) return false;
    const auto& service = found[next++];
    NamespacedName name{service->metadata.space, service->metadata.name};
    auto place = state_.controller->fold().find_place({ObjectKind::kService, name.first, name.second});
    view = ServiceView{service, {}, make_service_status(state_, name), place ? place->origin : ""};
    if (const auto* rows = compiled->services.find(name)) view.frontends = frontends_of(**rows);
    return true;
  };
}

Source<EndpointView> AgentBackend::endpoints(const ListQuery& query) const {
  auto snapshot = state_.controller->snapshot();
  return [this, snapshot, found = find_services(*snapshot, query), next = std::size_t{0},
          ready = std::vector<EndpointView>(), at = std::size_t{0}](EndpointView& view) mutable {
    while (at == ready.size()) {
      if (next == found.size()) return false;
      const auto& service = *found[next++];
      NamespacedName name{service.metadata.space, service.metadata.name};
      auto programmed = programmed_endpoints(state_, name);
      ready.clear();
      at = 0;
      const auto& facts = state_.controller->facts();
      for (const auto& port : service.ports)
        for (auto& endpoint : service_endpoints(*snapshot, service, port, facts.name, facts.addresses)) {
          bool is_programmed = programmed.contains({endpoint.address, endpoint.port});
          ready.push_back({name, port.name, port.protocol, std::move(endpoint), is_programmed});
        }
    }
    view = std::move(ready[at++]);
    return true;
  };
}

Source<WorkloadView> AgentBackend::workloads(const ListQuery& query) const {
  const auto& snapshot = *state_.controller->snapshot();
  const auto& facts = state_.controller->facts();
  std::map<NamespacedName, WorkloadView> views;
  add_pods(snapshot, query, views);
  add_workloads(snapshot, query, facts, views);
  auto ids = ids_by_name(*state_.controller->compiled()->names);
  auto quarantines = make_quarantines(state_);
  std::vector<WorkloadView> items;
  for (auto& [name, view] : views) {
    view.name = name;
    std::sort(view.pods.begin(), view.pods.end());
    view.zone = zone_of(snapshot, view.node, facts);
    if (auto id = ids.find(name); id != ids.end()) view.identity = id->second;
    for (const auto& quarantine : quarantines)
      if (quarantine.space == name.first && quarantine.workload == name.second) view.quarantine = quarantine;
    items.push_back(std::move(view));
  }
  return source_of(std::move(items));
}

Source<IdentityView> AgentBackend::identities(const ListQuery& query) const {
  const auto& compiled = *state_.controller->compiled();
  std::map<std::uint32_t, IdentityView> views;
  views[WEFT_IDENTITY_UNKNOWN].name = {"", "unknown"};
  views[WEFT_IDENTITY_WORLD].name = {"", "world"};
  views[WEFT_IDENTITY_HOST].name = {"", "host"};
  for (const auto& [id, name] : compiled.names->workloads) views[id].name = name;
  if (compiled.owners)
    for (const auto& [key, owner] : *compiled.owners)
      if (auto view = views.find(owner.workload); view != views.end()) {
        auto& addresses = view->second.addresses;
        if (auto address = from_abi(key.address); addresses.empty() || addresses.back() != address)
          addresses.push_back(address);
      }
  std::vector<IdentityView> items;
  for (auto& [id, view] : views) {
    view.id = id;
    if (query.matches(view.name.first, view.name.second)) items.push_back(std::move(view));
  }
  return source_of(std::move(items));
}

Result<Source<Flow>> AgentBackend::connections() {
  auto events = WEFT_TRY(state_.datapath->facts().connections());
  auto tree = std::make_shared<CgroupTree>(state_.settings().datapath.cgroup);
  tree->scan();
  auto joiner =
      std::make_shared<FlowJoiner>(weft::wall_offset_ns(), [tree](std::uint64_t id) { return tree->find_path(id); });
  joiner->update(state_.controller->snapshot(), name_source(state_));
  auto now_ns = monotonic_ns();
  return Source<Flow>([events = std::move(events), joiner, now_ns, next = std::size_t{0}](Flow& flow) mutable {
    if (next == events.size()) return false;
    auto event = events[next++];
    event.duration_ns = now_ns > event.time_ns ? now_ns - event.time_ns + event.duration_ns : event.duration_ns;
    flow = joiner->join(event);
    return true;
  });
}

std::shared_ptr<const Explainer> AgentBackend::current_explainer() {
  const auto& controller = *state_.controller;
  Explainer::World world{controller.snapshot(), controller.compiled(), state_.policy->tables(), controller.facts(),
                         state_.mitigations->quarantines()};
  if (auto known = explainer_.lock(); known && known->is_about(world)) return known;
  auto made = std::make_shared<const Explainer>(std::move(world), [this](std::span<weft_explain_request> requests) {
    return state_.datapath->policy().explain(requests);
  });
  explainer_ = made;
  return made;
}

Source<ExplainView> AgentBackend::explain(std::vector<ExplainQuery> queries) {
  return [explainer = current_explainer(), queries = std::move(queries),
          next = std::size_t{0}](ExplainView& view) mutable {
    if (next == queries.size()) return false;
    view = explainer->explain(queries[next++]);
    return true;
  };
}

// Of connections that are open for longer than that the kernel knows.
Result<SeenMesh> AgentBackend::seen_mesh(std::chrono::seconds last) {
  if (desk_.busy()) return fail(EBUSY, "another trial of policies is under way: ask again in a second");
  const auto& controller = *state_.controller;
  auto until_ns = now_ns();
  auto since_ns = until_ns - std::chrono::nanoseconds(last).count();
  SeenMesh mesh{controller.snapshot(),
                controller.facts(),
                state_.seen.since(since_ns),
                std::max(since_ns, state_.started_ns),
                until_ns,
                state_.seen.overflow()};
  auto open = connections();
  if (!open) return mesh;  // the kernel cannot list them
  SeenBook older;
  for (Flow flow; (*open)(flow);) {
    if (flow.time_ns >= mesh.since_ns) continue;
    flow.time_ns = until_ns;
    older.take(flow, *mesh.snapshot);
  }
  for (auto& connection : older.since(since_ns)) mesh.seen.push_back(std::move(connection));
  return mesh;
}

void AgentBackend::try_policies(PolicyTryRequest request, PolicyTrialDone done) {
  auto mesh = seen_mesh(request.last);
  if (!mesh) return done(std::unexpected(mesh.error()));
  desk_.start<PolicyTrialView>(
      [request = std::move(request), mesh = std::move(*mesh)] { return try_request(request, mesh); }, std::move(done));
}

void AgentBackend::suggest_policies(PolicySuggestRequest request, PolicySuggestionDone done) {
  auto mesh = seen_mesh(request.last);
  if (!mesh) return done(std::unexpected(mesh.error()));
  desk_.start<PolicySuggestionView>(
      [request = std::move(request), mesh = std::move(*mesh)] { return suggest_request(request, mesh); },
      std::move(done));
}

std::vector<EdgeSummary> AgentBackend::edges() const {
  return state_.report.edge_list ? *state_.report.edge_list : std::vector<EdgeSummary>();
}

std::int64_t AgentBackend::wall_offset_ns() const { return weft::wall_offset_ns(); }

// The offset of the last report is the one that flows are given until the next.
std::int64_t AgentBackend::now_ns() const {
  auto offset = state_.report.wall_offset_ns != 0 ? state_.report.wall_offset_ns : weft::wall_offset_ns();
  return static_cast<std::int64_t>(monotonic_ns()) + offset;
}

ConfigView AgentBackend::config() const {
  ConfigView view{config_values(state_.settings()).dump(), {}};
  view.origins.assign(state_.config.origins.begin(), state_.config.origins.end());
  return view;
}

Result<> AgentBackend::set_log_level(std::string_view level) { return weft::set_log_level(level); }

}  // namespace weft
