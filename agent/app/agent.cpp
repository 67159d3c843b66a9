#include "agent/app/agent.hpp"

#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include "agent/app/agent_parts.hpp"
#include "agent/app/log.hpp"
#include "agent/app/node.hpp"
#include "agent/app/notify.hpp"
#include "agent/app/status.hpp"
#include "agent/base/version.hpp"
#include "agent/kernel/environment.hpp"

namespace weft {
namespace {

DatapathSizes datapath_sizes(const MapSizes& from) {
  DatapathSizes sizes;
  sizes.services = from.services;
  sizes.slots = from.slots;
  sizes.endpoints = from.endpoints;
  sizes.owners = from.owners;
  sizes.processes = from.processes;
  sizes.affinity = from.affinity;
  sizes.edges = from.edges;
  sizes.connections = from.connections;
  sizes.udp_flows = from.udp_flows;
  sizes.tuples = from.tuples;
  sizes.peers = from.peers;
  sizes.networks = from.networks;
  sizes.subjects = from.subjects;
  sizes.policy = from.policy;
  sizes.interfaces = from.interfaces;
  sizes.sources = from.sources;
  sizes.replies = from.replies;
  sizes.denied_addresses = from.denied_addresses;
  sizes.denied_networks = from.denied_networks;
  sizes.events_bytes = from.events;
  return sizes;
}

Result<NodeFacts> read_facts(const Config& config) {
  return NodeFacts{config.node.name, config.node.zone, config.node.region, WEFT_TRY(node_addresses())};
}

}  // namespace

Agent::Parts::Parts(const ConfigRequest& config_request, LoadedConfig config) : request(config_request) {
  state.config = std::move(config);
  state.agent_metrics = std::make_shared<AgentMetrics>(weft_version());
  state.started_monotonic_ns = monotonic_ns();
  state.started_ns = static_cast<std::int64_t>(state.started_monotonic_ns) + wall_offset_ns();
}

Result<> Agent::Parts::open_kernel() {
  auto& config = state.config.config;
  if (config.datapath.cgroup.empty()) config.datapath.cgroup = WEFT_TRY(find_cgroup2()).string();
  auto cpus = WEFT_TRY(possible_cpus());
  auto sizes = resolve_map_sizes(config.datapath.maps, node_memory_bytes(), cpus);
  names_store = WEFT_TRY(NamesStore::open(config.state.dir));
  state.datapath = WEFT_TRY(Datapath::open({config.datapath.bpffs, config.datapath.cgroup, datapath_sizes(sizes),
                                            config.datapath.answer_resets, config.datapath.answer_errors}));
  for (const auto& line : state.datapath->copied()) spdlog::info("map layout: {}", line);
  auto have = WEFT_TRY(state.datapath->tables().dump());
  std::vector<weft_edge_key> edges;
  for (const auto& [key, value] : WEFT_TRY(state.datapath->facts().edges())) edges.push_back(key);
  auto names = names_store->load(have, edges);
  if (!names) spdlog::warn("names of earlier counters are lost: {}", names.error().what);
  auto facts = WEFT_TRY(read_facts(config));
  TableSizes tables{sizes.services, sizes.slots, sizes.endpoints, sizes.owners, sizes.processes};
  state.controller = std::make_unique<Controller>(state.datapath->tables(), tables, have, names ? *names : Names{},
                                                  std::move(facts), Clock::now());
  auto rules = names_store->load_rules();
  if (!rules) spdlog::warn("names of earlier policy rules are lost: {}", rules.error().what);
  const auto& policy = state.datapath->policy();
  WEFT_TRY(policy.assume_subjects());
  state.policy = std::make_unique<PolicyController>(policy, WEFT_TRY(policy.sizes()), WEFT_TRY(policy.dump()),
                                                    rules ? std::move(*rules) : RuleNames{});
  state.mitigations = WEFT_TRY(Mitigations::open(state.datapath->deny_tables(), config.state.dir));
  cgroups = std::make_unique<CgroupTree>(config.datapath.cgroup);
  return {};
}

Result<> Agent::Parts::open_sources() {
  state.controller->expect_source("files");
  files = WEFT_TRY(FilesSource::open({.paths = state.settings().discovery.file_paths}));
  take_events(files->scan_all(Clock::now()));
  tick();
  return {};
}

Result<> Agent::Parts::open_servers() {
  const auto& config = state.settings();
  backend = std::make_unique<AgentBackend>(
      state, [this](ReloadDone done) { reload(std::move(done)); }, [this] { apply_policy(); },
      [this](PolicyDesk::Task task) { boost::asio::post(loop, std::move(task)); });
  api = WEFT_TRY(
      ApiServer::start(loop, *backend, {.socket = config.api.socket, .group = config.api.group, .limits = {}}));
  for (const auto& warning : api->warnings()) spdlog::warn("{}", warning);
  if (config.metrics.listen)
    metrics = WEFT_TRY(MetricsServer::start({.listen = config.metrics.listen->text(), .limits = {}}));
  return {};
}

Result<> Agent::Parts::go_live() {
  WEFT_TRY(state.datapath->go_live());
  state.live = true;
  const auto& config = state.settings();
  auto tree = std::make_shared<CgroupTree>(config.datapath.cgroup);
  auto resolve = [tree](std::uint64_t id) {
    if (auto path = tree->find_path(id); !path.empty()) return path;
    tree->scan();
    return tree->find_path(id);
  };
  Observer::Sinks sinks;
  sinks.on_flows = [this](std::vector<Flow> flows) {
    boost::asio::post(loop, [this, flows = std::move(flows)]() mutable {
      for (auto& flow : flows) {
        state.seen.take(flow, *state.controller->snapshot());
        state.flows.push(std::move(flow));
      }
    });
  };
  sinks.on_report = [this](ObserverReport report) {
    boost::asio::post(loop, [this, report = std::move(report)]() mutable {
      auto lost_before = state.report.counters[WEFT_COUNT_EVENTS_LOST];
      state.report = std::move(report);
      auto lost = state.report.counters[WEFT_COUNT_EVENTS_LOST];
      if (lost > lost_before) state.flows.note_lost(lost - lost_before);
      if (!state.report.problem.empty()) spdlog::warn("reading counters: {}", state.report.problem);
      publish_page();
    });
  };
  auto& datapath = *state.datapath;
  observer = WEFT_TRY(Observer::start(
      datapath.facts(), [&datapath](Ring::Handler handler) { return datapath.open_ring(std::move(handler)); },
      {.max_series = config.metrics.max_series, .histograms = config.metrics.histograms}, resolve, std::move(sinks)));
  publish_names();
  state.pods = WEFT_TRY(PodGuard::start(datapath, state.controller->facts().name, config.datapath.pods == "auto"));
  state.pods->set_snapshot(state.controller->snapshot());
  state.pods_attached = state.pods->settled();
  state.uplinks = WEFT_TRY(UplinkGuard::start(datapath, config.datapath.uplinks,
                                              [this](std::uint32_t index) { return state.pods->binds(index); }));
  audit();
  if (datapath.has(Feature::kPolicy) && config.datapath.pods == "auto") {
    prover.emplace(datapath, *state.pods, *state.policy);
    prove_pods();
  }
  return {};
}

Agent::Agent(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
Agent::~Agent() = default;

Result<std::unique_ptr<Agent>> Agent::start(const ConfigRequest& request, LoadedConfig config) {
  auto parts = std::make_unique<Parts>(request, std::move(config));
  WEFT_TRY(parts->open_kernel());
  WEFT_TRY(parts->open_sources());
  WEFT_TRY(parts->open_servers());
  WEFT_TRY(parts->go_live());
  parts->watch_files();
  parts->watch_pods();
  parts->watch_uplinks();
  parts->watch_signals();
  parts->every_second();
  return std::unique_ptr<Agent>(new Agent(std::move(parts)));
}

void Agent::run() {
  parts_->loop.run();
  notify_service_manager("STOPPING=1");
}

}  // namespace weft
