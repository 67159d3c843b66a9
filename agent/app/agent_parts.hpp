// The inside of the agent, shared by start-up (agent.cpp) and the loop's work (agent_loop.cpp).
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include "agent/api/metrics_server.hpp"
#include "agent/api/server.hpp"
#include "agent/app/agent.hpp"
#include "agent/app/backend.hpp"
#include "agent/app/cgroups.hpp"
#include "agent/app/names_store.hpp"
#include "agent/app/pod_prover.hpp"
#include "agent/app/state.hpp"
#include "agent/discovery/files.hpp"

namespace weft {

struct Agent::Parts {
  using Clock = std::chrono::steady_clock;
  using ReloadDone = std::move_only_function<void(ReloadView)>;

  Parts(const ConfigRequest& config_request, LoadedConfig config);

  // start-up, in this order
  Result<> open_kernel();
  Result<> open_sources();
  Result<> open_servers();
  Result<> go_live();

  // the loop
  using Descriptor = boost::asio::posix::stream_descriptor;
  // Calls `on_readable` each time `fd` is; a copy of it lives in `ready`.
  void watch(Descriptor& ready, int fd, std::function<void()> on_readable);
  void watch_files();
  void schedule_recheck();
  void watch_signals();
  void every_second();
  void schedule_tick();
  void tick();
  void take_events(std::vector<Event> events);
  void apply_policy();
  void publish_names();
  void publish_page();
  void refresh_processes();
  void audit();
  void watch_pods();
  void watch_uplinks();
  void settle_uplinks();
  void follow_pods();
  void attach_pods();
  void look_for_pods_again();
  void compare_pods();
  void prove_pods();
  void count_repaired(std::size_t repaired);
  void repair_drift();
  void reload(ReloadDone done);
  std::string apply_config(LoadedConfig fresh);
  ReloadView make_reload_view(const std::string& config_problem) const;
  void update_balancing_rows();
  void stop();

  ConfigRequest request;
  AgentState state;
  boost::asio::io_context loop{1};
  boost::asio::steady_timer tick_timer{loop}, second_timer{loop}, recheck_timer{loop}, pods_timer{loop},
      proof_timer{loop};
  boost::asio::signal_set signals{loop};
  Descriptor files_ready{loop}, pods_ready{loop}, uplinks_ready{loop};
  std::optional<NamesStore> names_store;
  std::optional<FilesSource> files;
  std::unique_ptr<CgroupTree> cgroups;
  std::optional<PodProver> prover;
  std::unique_ptr<AgentBackend> backend;
  std::unique_ptr<ApiServer> api;
  std::unique_ptr<MetricsServer> metrics;
  std::unique_ptr<Observer> observer;
  std::shared_ptr<const Compiled> named;  // what the observer's names were made from
  std::shared_ptr<const PolicyTables> named_policy;
  std::shared_ptr<const Snapshot> counted;  // what the balancing rows were made from
  std::map<NamespacedName, BalancingRow> balancing;
  std::shared_ptr<const std::vector<BalancingRow>> balancing_rows;
  std::optional<Clock::time_point> first_pending;  // since when events wait
  std::uint64_t seconds = 0;
  bool told_ready = false;
  bool attaching = false;  // a turn of attach_pods() is posted
  bool looking = false;    // one of look_for_pods_again() is due
  bool stopping = false;
};

}  // namespace weft
