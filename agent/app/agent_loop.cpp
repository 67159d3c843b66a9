#include <malloc.h>
#include <spdlog/spdlog.h>

#include <boost/asio/post.hpp>

#include "agent/api/process_stats.hpp"
#include "agent/app/agent_parts.hpp"
#include "agent/app/log.hpp"
#include "agent/app/node.hpp"
#include "agent/app/notify.hpp"
#include "agent/app/status.hpp"
#include "agent/observe/edge_labels.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLargeList = 10'000;           // events
constexpr auto kQuiet = 50ms;                        // a burst of events is over
constexpr auto kMostWait = 500ms;                    // …or is not waited for any longer
constexpr std::chrono::milliseconds kLeastWait{10};  // between two looks at the same files
constexpr std::uint64_t kAuditPace = 5;              // seconds
constexpr std::uint64_t kPodsPace = 10;              // seconds: interfaces and their rows are read anew
constexpr auto kLookPace = 50ms;                     // at addresses of pods that nobody announces
constexpr std::uint64_t kRepairPace = 600;           // seconds: every map is dumped
constexpr std::uint64_t kRescanPace = 300;           // seconds: what inotify does not tell
constexpr std::uint64_t kProcessPace = 2;            // seconds: new cgroups of a unit
constexpr std::uint64_t kBalancingPace = 5;          // seconds

}  // namespace

void Agent::Parts::take_events(std::vector<Event> events) {
  if (events.empty()) return;
  for (const auto& event : events) {
    auto source = std::visit([](const auto& what) { return what.source; }, event.what);
    state.sources[source].last_change_ns = static_cast<std::int64_t>(monotonic_ns()) + wall_offset_ns();
  }
  state.controller->enqueue(std::move(events));
  schedule_tick();
}

void Agent::Parts::schedule_tick() {
  auto now = Clock::now();
  if (!first_pending) first_pending = now;
  tick_timer.expires_at(std::min(now + kQuiet, *first_pending + kMostWait));
  tick_timer.async_wait([this](const boost::system::error_code& canceled) {
    if (!canceled) tick();
  });
}

void Agent::Parts::tick() {
  bool many = first_pending.has_value();
  first_pending.reset();
  auto before = state.controller->table_failure();
  auto waited = state.controller->tick(Clock::now());
  for (auto wait : waited) state.agent_metrics->observe_propagation(std::chrono::duration<double>(wait).count());
  if (const auto& failure = state.controller->table_failure(); !failure.empty() && failure != before)
    spdlog::error("kernel maps: {}", failure);
  state.mitigations->set_world(state.controller->snapshot(), state.controller->facts().addresses, Moment::now());
  apply_policy();
  if (state.pods) state.pods->set_snapshot(state.controller->snapshot());
  attach_pods();
  publish_names();
  if (many && waited.size() > kLargeList) ::malloc_trim(0);  // a first list is read once; its scraps need not stay
  if (!told_ready && make_readiness(state).ready) {
    told_ready = true;
    ::malloc_trim(0);  // what loading the programs and reading the maps left behind
    notify_service_manager("READY=1");
    spdlog::info("ready: {} services, {} endpoints programmed", state.controller->snapshot()->services.size(),
                 state.controller->used().endpoints);
  }
}

void Agent::Parts::apply_policy() {
  auto before = state.policy->failure();
  const auto& controller = *state.controller;
  state.policy->tick(controller.snapshot(), controller.facts(), state.mitigations->quarantines(), Clock::now(), [this] {
    if (auto saved = names_store->save_rules(state.policy->tables()->rules); !saved)
      spdlog::warn("{}", saved.error().what);
    publish_names();
  });
  if (const auto& failure = state.policy->failure(); !failure.empty() && failure != before)
    spdlog::error("policy: {}", failure);
}

void Agent::Parts::publish_names() {
  const auto& compiled = state.controller->compiled();
  const auto& policy = state.policy->tables();
  if (!observer || (compiled == named && policy == named_policy)) return;
  named = compiled;
  named_policy = policy;
  observer->set_names(state.controller->snapshot(), name_source(state));
  if (auto saved = names_store->save(compiled->names); !saved) spdlog::warn("{}", saved.error().what);
  refresh_processes();
}

void Agent::Parts::refresh_processes() {
  const auto& owners = state.controller->compiled()->processes;
  if (owners.empty()) {
    state.controller->set_processes({});
    return;
  }
  cgroups->scan();
  state.controller->set_processes(cgroups->owners(owners));
}

void Agent::Parts::watch(Descriptor& ready, int fd, std::function<void()> on_readable) {
  if (!ready.is_open()) ready.assign(::dup(fd));
  ready.async_wait(Descriptor::wait_read, [this, &ready, fd, on_readable = std::move(on_readable)](
                                              const boost::system::error_code& failed) mutable {
    if (failed) return;
    on_readable();
    watch(ready, fd, std::move(on_readable));
  });
}

void Agent::Parts::watch_files() {
  watch(files_ready, files->fd(), [this] {
    take_events(files->on_readable(Clock::now()));
    schedule_recheck();
  });
  schedule_recheck();
}

// What is gone from the files, or half written, is looked at again as soon as its time has come.
void Agent::Parts::schedule_recheck() {
  auto after = files->recheck_after(Clock::now());
  if (!after) return;
  recheck_timer.expires_after(std::max(*after, kLeastWait));
  recheck_timer.async_wait([this](const boost::system::error_code& canceled) {
    if (canceled) return;
    take_events(files->recheck(Clock::now()));
    schedule_recheck();
  });
}

void Agent::Parts::watch_signals() {
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) signals.add(signal);
  auto wait = [this](auto& self) -> void {
    signals.async_wait([this, self](const boost::system::error_code& failed, int signal) mutable {
      if (failed) return;
      if (signal != SIGHUP) return stop();
      reload([](const ReloadView& view) {
        if (view.applied)
          spdlog::info("reloaded: revision {}", view.revision);
        else
          spdlog::error("reload: {}", view.message);
      });
      self(self);
    });
  };
  wait(wait);
}

void Agent::Parts::every_second() {
  ++seconds;
  auto now = Clock::now();
  notify_service_manager("WATCHDOG=1");
  if (seconds % kRescanPace == 0) {
    take_events(files->scan_all(now));
    schedule_recheck();
  }
  if (seconds % kAuditPace == 0) audit();
  if (seconds % kPodsPace == 0) compare_pods();
  if (seconds % kRepairPace == 0) repair_drift();
  if (seconds % kProcessPace == 0 && !state.controller->compiled()->processes.empty()) refresh_processes();
  if (seconds % kBalancingPace == 1) update_balancing_rows();
  if (auto due = state.controller->next_due(); due && *due <= now && !first_pending) tick();
  if (auto due = state.policy->next_due(); due && *due <= now) apply_policy();
  state.mitigations->tick(Moment::now(), now);
  second_timer.expires_after(1s);
  second_timer.async_wait([this](const boost::system::error_code& canceled) {
    if (!canceled) every_second();
  });
}

void Agent::Parts::audit() {
  if (auto addresses = node_addresses()) {
    auto facts = state.controller->facts();
    facts.addresses = std::move(*addresses);
    state.controller->set_facts(std::move(facts));
  }
  state.pins_present = state.datapath->pins_present();
  state.attachments = state.datapath->audit();
  if (state.pods) state.pods->audit();
  settle_uplinks();
  attach_pods();
  bool missing = std::any_of(state.attachments.begin(), state.attachments.end(),
                             [](const AttachmentState& attachment) { return attachment.state == "missing"; });
  if (!missing || !state.pins_present) return;
  auto repaired = state.datapath->repair();
  if (!repaired) {
    spdlog::error("re-attach: {}", repaired.error().what);
    return;
  }
  for (const auto& hook : *repaired) spdlog::warn("{} was detached by somebody; attached again", hook);
  count_repaired(repaired->size());
  state.attachments = state.datapath->audit();
}

void Agent::Parts::repair_drift() {
  std::size_t steps = 0;
  for (auto repaired :
       {state.controller->repair(Clock::now()), state.policy->repair(), state.mitigations->repair(Moment::now())}) {
    if (repaired)
      steps += *repaired;
    else
      spdlog::error("compare kernel maps: {}", repaired.error().what);
  }
  if (steps == 0) return;
  spdlog::warn("{} map entries differed from what they should be; repaired", steps);
  count_repaired(steps);
}

void Agent::Parts::count_repaired(std::size_t repaired) {
  state.drift_repaired += repaired;
  state.agent_metrics->add_drift_repaired(repaired);
}

void Agent::Parts::watch_pods() {
  attach_pods();
  if (state.pods->fd() < 0) return;
  watch(pods_ready, state.pods->fd(), [this] { follow_pods(); });
}

void Agent::Parts::watch_uplinks() {
  watch(uplinks_ready, state.uplinks->fd(), [this] { state.uplinks->on_readable(); });
}

void Agent::Parts::settle_uplinks() {
  if (!state.uplinks) return;
  state.uplinks->settle();
  if (auto repaired = state.uplinks->take_repaired(); repaired > 0) count_repaired(repaired);
}

void Agent::Parts::follow_pods() {
  auto more = state.pods->on_readable();
  if (!more) spdlog::error("interfaces of pods: {}", more.error().what);
  attach_pods();
  if (more && *more) boost::asio::post(loop, [this] { follow_pods(); });
  look_for_pods_again();
}

void Agent::Parts::look_for_pods_again() {
  if (looking || !state.pods->should_look_again(Clock::now())) return;
  looking = true;
  pods_timer.expires_after(kLookPace);
  pods_timer.async_wait([this](const boost::system::error_code& canceled) {
    looking = false;
    if (canceled) return;
    if (auto looked = state.pods->look_again(); !looked) spdlog::error("addresses of pods: {}", looked.error().what);
    attach_pods();
    look_for_pods_again();
  });
}

// One interface a turn: the kernel takes its time for each, and requests must not wait for all.
void Agent::Parts::attach_pods() {
  if (!state.pods || attaching) return;
  if (state.pods->attach_next()) {
    attaching = true;
    boost::asio::post(loop, [this] {
      attaching = false;
      attach_pods();
    });
  }
  state.pods_attached = state.pods_attached || state.pods->settled();
  if (auto repaired = state.pods->take_repaired(); repaired > 0) count_repaired(repaired);
}

void Agent::Parts::compare_pods() {
  if (auto compared = state.pods->compare(); !compared)
    spdlog::error("compare interfaces of pods: {}", compared.error().what);
  attach_pods();
}

void Agent::Parts::prove_pods() {
  auto repaired = prover->prove_next(Clock::now());
  if (!repaired)
    spdlog::error("proof of policy: {}", repaired.error().what);
  else if (*repaired > 0)
    count_repaired(*repaired);
  attach_pods();
  proof_timer.expires_after(prover->pace());
  proof_timer.async_wait([this](const boost::system::error_code& canceled) {
    if (!canceled) prove_pods();
  });
}

void Agent::Parts::update_balancing_rows() {
  const auto& snapshot = state.controller->snapshot();
  if (counted == snapshot) return;
  bool first = counted == nullptr;
  auto count = [&](const NamespacedName& name, const Service& service) {
    BalancingRow row{escape_label(name.first + "/" + name.second), 0, 0, 0};
    const auto& facts = state.controller->facts();
    for (const auto& port : service.ports)
      for (const auto& endpoint : service_endpoints(*snapshot, service, port, facts.name, facts.addresses))
        ++(endpoint.terminating ? row.terminating : endpoint.ready ? row.ready : row.not_ready);
    balancing[name] = std::move(row);
  };
  std::set<NamespacedName> touched;
  auto note = [&](const NamespacedName& name, const auto*, const auto*) { touched.insert(name); };
  static const Snapshot kNothing;
  const auto& before = first ? kNothing : *counted;
  snapshot->services.for_each_touched(before.services, note);
  snapshot->slices_by_service.for_each_touched(before.slices_by_service, note);
  snapshot->members_by_service.for_each_touched(before.members_by_service, note);
  for (const auto& name : touched) {
    if (const auto* service = snapshot->services.find(name))
      count(name, **service);
    else
      balancing.erase(name);
  }
  counted = snapshot;
  auto rows = std::make_shared<std::vector<BalancingRow>>();
  rows->reserve(balancing.size());
  for (const auto& [name, row] : balancing) rows->push_back(row);
  balancing_rows = std::move(rows);
}

void Agent::Parts::publish_page() {
  auto& page = *state.agent_metrics;
  page.set_features(make_features(state));
  page.set_attachments(make_attachments(state));
  if (state.pods) page.set_unenforced(state.pods->unenforced_workloads());
  if (prover) page.set_proofs(prover->proven(), prover->failed());
  page.set_quarantined(state.mitigations->state().quarantined.size());
  page.set_maps(make_map_use(state));
  page.set_counters(state.report.counters);
  page.set_drops(state.report.drops);
  page.set_helper_errors(state.report.helper_errors);
  page.set_process(read_process_stats());
  page.add_invalid_events(std::exchange(state.report.invalid_events, 0));
  page.set_apply_lag(state.controller->desired_revision() - state.controller->applied_revision());
  for (const auto& [name, source] : state.controller->snapshot()->sources)
    page.set_last_sync(name, static_cast<double>(state.sources[name].last_change_ns) / 1e9);
  const auto& snapshot = *state.controller->snapshot();
  page.set_discovery_objects("files", "Namespace", snapshot.namespaces.size());
  page.set_discovery_objects("files", "Node", snapshot.nodes.size());
  page.set_discovery_objects("files", "Pod", snapshot.pods.size());
  page.set_discovery_objects("files", "Service", snapshot.services.size());
  page.set_discovery_objects("files", "EndpointSlice", snapshot.slices.size());
  page.set_discovery_objects("files", "Workload", snapshot.workloads.size());
  page.set_discovery_objects("files", "DenyList", snapshot.deny_lists.size());
  state.page =
      std::make_shared<const MetricsPage>(MetricsPage{state.agent_metrics, balancing_rows, state.report.edges,
                                                      state.report.verdicts, state.settings().metrics.max_series});
  if (metrics)
    metrics->publish(std::make_shared<const PublicView>(PublicView{make_readiness(state), state.page, Clock::now()}));
}

std::string Agent::Parts::apply_config(LoadedConfig fresh) {
  if (!fresh.usable()) {
    std::string problem = "the configuration stays as it was:";
    for (const auto& finding : fresh.findings) problem += "\n" + finding.text();
    return problem;
  }
  if (fresh.config.datapath.cgroup.empty()) fresh.config.datapath.cgroup = state.settings().datapath.cgroup;
  for (const auto& key : restart_needed(state.settings(), fresh.config))
    spdlog::warn("{} changed; it takes effect when weftd restarts", key);
  if (auto level = set_log_level(fresh.config.log.level); !level) return level.error().what;
  if (fresh.config.discovery.file_paths != state.settings().discovery.file_paths) {
    auto opened = FilesSource::open({.paths = fresh.config.discovery.file_paths});
    if (!opened) return opened.error().what;
    files_ready.close();
    files = std::move(*opened);
    take_events({Event{SourceReset{"files"}, Clock::now()}});
    watch_files();
  }
  if (observer) observer->set_max_series(fresh.config.metrics.max_series);
  auto facts = state.controller->facts();
  facts.zone = fresh.config.node.zone;
  facts.region = fresh.config.node.region;
  state.controller->set_facts(std::move(facts));
  state.config.config.node = fresh.config.node;
  state.config.config.log.level = fresh.config.log.level;
  state.config.config.discovery = fresh.config.discovery;
  state.config.config.metrics.max_series = fresh.config.metrics.max_series;
  state.config.origins = std::move(fresh.origins);
  return "";
}

ReloadView Agent::Parts::make_reload_view(const std::string& config_problem) const {
  ReloadView view;
  view.findings = make_findings(state);
  auto errors = std::count_if(view.findings.begin(), view.findings.end(), [](const Diagnostic& finding) {
    return finding.severity == Diagnostic::Severity::kError;
  });
  view.applied = config_problem.empty() && errors == 0 && state.controller->table_failure().empty();
  view.revision = state.controller->applied_revision();
  if (!config_problem.empty())
    view.message = config_problem;
  else if (errors > 0)
    view.message = std::to_string(errors) + " objects were refused; their last good version stays";
  else
    view.message = state.controller->table_failure();
  return view;
}

void Agent::Parts::reload(ReloadDone done) {
  auto problem = apply_config(load_config(request));
  auto now = Clock::now();
  take_events(files->scan_all(now));
  schedule_recheck();
  take_events(files->recheck(now + 100ms));  // who asks has finished: a file that is gone is deleted, not replaced
  tick_timer.cancel();
  state.controller->retry_now(now);
  tick();
  auto view = make_reload_view(problem);
  state.agent_metrics->count_reload(view.applied);
  done(std::move(view));
}

void Agent::Parts::stop() {
  if (std::exchange(stopping, true)) return;
  spdlog::info("stopping; what is pinned goes on balancing");
  observer.reset();
  api.reset();
  metrics.reset();
  loop.stop();
}

}  // namespace weft
