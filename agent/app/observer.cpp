#include "agent/app/observer.hpp"

#include <pthread.h>

#include <condition_variable>

#include "agent/app/node.hpp"

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr auto kDrainPace = 50ms;
constexpr std::uint64_t kRoundsPerReport = 20;               // a second
constexpr std::uint64_t kReportsPerIdleSweep = 5;            // idle UDP conversations
constexpr std::uint64_t kReportsPerUsage = 10;               // counting a hash walks its keys
constexpr std::uint64_t kUdpIdleNs = 30ULL * 1'000'000'000;  // as nf_conntrack_udp_timeout

class NoNames final : public NameSource {
 public:
  const NamespacedName* find_workload(std::uint32_t) const override { return nullptr; }
  const NamespacedName* find_service(std::uint32_t) const override { return nullptr; }
  const std::string* find_zone(std::uint16_t) const override { return nullptr; }
  bool workload_lives(std::uint32_t) const override { return true; }
};

}  // namespace

Observer::Observer(const KernelFacts& facts, EdgeBook::Settings settings, CgroupResolver resolve_cgroup, Sinks sinks)
    : facts_(facts),
      sinks_(std::move(sinks)),
      joiner_(wall_offset_ns(), std::move(resolve_cgroup)),
      edges_(settings),
      verdicts_(settings.max_series),
      names_(std::make_shared<NoNames>()),
      max_series_(settings.max_series) {}

Observer::~Observer() = default;

Result<std::unique_ptr<Observer>> Observer::start(const KernelFacts& facts,
                                                  const std::function<Result<Ring>(Ring::Handler)>& make_ring,
                                                  EdgeBook::Settings settings, CgroupResolver resolve_cgroup,
                                                  Sinks sinks) {
  std::unique_ptr<Observer> observer(new Observer(facts, settings, std::move(resolve_cgroup), std::move(sinks)));
  auto* self = observer.get();
  observer->ring_ = std::make_unique<Ring>(
      WEFT_TRY(make_ring([self](std::span<const std::byte> record) { self->take_record(record); })));
  observer->thread_ = std::jthread([self](const std::stop_token& stop) { self->run(stop); });
  ::pthread_setname_np(observer->thread_.native_handle(), "weft-observe");
  return observer;
}

void Observer::set_names(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const NameSource> names) {
  std::lock_guard lock(mailbox_mutex_);
  mailbox_snapshot_ = std::move(snapshot);
  mailbox_names_ = std::move(names);
}

void Observer::take_names() {
  std::shared_ptr<const Snapshot> snapshot;
  {
    std::lock_guard lock(mailbox_mutex_);
    if (!mailbox_names_) return;
    snapshot = std::move(mailbox_snapshot_);
    names_ = std::move(mailbox_names_);
    mailbox_names_ = nullptr;
    named_ = true;
  }
  joiner_.update(snapshot, names_);
}

void Observer::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!stop.stop_requested()) {
    take_names();
    if (named_) {  // an edge keeps the names of its first report
      drain();
      if (round_ % kRoundsPerReport == 0) report(monotonic_ns());
      ++round_;
    }
    wake.wait_for(lock, stop, kDrainPace, [] { return false; });
  }
  drain();
}

void Observer::take_record(std::span<const std::byte> record) {
  auto event = decode_event(record);
  if (!event) {
    ++invalid_events_;
    return;
  }
  connections_.take(*event);
  // Names are given before what they name is in the kernel, perhaps since this round began.
  if (event->rule != 0 && !names_->find_rule(event->rule)) take_names();
  batch_.push_back(joiner_.join(*event));
}

void Observer::drain() {
  if (auto drained = ring_->drain(); !drained) problem_ = drained.error().what;
  if (batch_.empty()) return;
  auto changes = connections_.changes();
  if (auto listed = facts_.list_connections(changes.opened, changes.closed); !listed) problem_ = listed.error().what;
  sinks_.on_flows(std::exchange(batch_, {}));
}

void Observer::read_edges(std::uint64_t now_ns, ObserverReport& out) {
  auto read = facts_.edges();
  if (!read) {
    problem_ = read.error().what;
  } else {
    std::vector<EdgeSample> samples;
    samples.reserve(read->size());
    for (const auto& [key, value] : *read) samples.push_back({key, value});
    edges_.set_max_series(max_series_);
    edges_.update(samples, *names_, now_ns);
  }
  std::vector<weft_edge_key> deleted;
  for (const auto& key : edges_.expired(now_ns))
    if (facts_.forget_edge(key)) deleted.push_back(key);
  edges_.forget(deleted);
  out.edges = edges_.view();
  out.edge_list = std::make_shared<const std::vector<EdgeSummary>>(edges_.list());
  out.rates = edges_.rates();
}

void Observer::read_verdicts(std::uint64_t now_ns, ObserverReport& out) {
  auto read = facts_.verdicts();
  if (!read) {
    problem_ = read.error().what;
  } else {
    std::vector<VerdictSample> samples;
    samples.reserve(read->size());
    for (const auto& [key, count] : *read) samples.push_back({key, count});
    verdicts_.set_max_series(max_series_);
    verdicts_.update(samples, *names_);
  }
  std::vector<weft_verdict_key> deleted;
  for (const auto& key : verdicts_.expired(now_ns))
    if (facts_.forget_verdict(key)) deleted.push_back(key);
  verdicts_.forget(deleted);
  out.verdicts = verdicts_.view();
  out.drops = facts_.drops();
}

void Observer::report(std::uint64_t now_ns) {
  auto reports = round_ / kRoundsPerReport;
  auto wall_offset = wall_offset_ns();
  joiner_.set_wall_offset(wall_offset);
  if (reports % kReportsPerIdleSweep == 0)
    if (auto swept = facts_.close_idle_udp(kUdpIdleNs); !swept) problem_ = swept.error().what;
  if (reports % kReportsPerUsage == 0) {
    map_use_.clear();
    for (auto& use : facts_.usage()) map_use_.push_back({std::move(use.name), use.entries, use.max});
  }
  ObserverReport out;
  out.wall_offset_ns = wall_offset;
  read_edges(now_ns, out);
  read_verdicts(now_ns, out);
  out.counters = facts_.counters();
  if (auto errors = facts_.helper_errors(); !errors)
    problem_ = errors.error().what;
  else
    for (const auto& error : *errors) out.helper_errors.push_back({error.helper, error.code, error.count});
  out.map_use = map_use_;
  out.invalid_events = std::exchange(invalid_events_, 0);
  out.problem = std::exchange(problem_, "");
  sinks_.on_report(std::move(out));
}

}  // namespace weft
