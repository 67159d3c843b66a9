#include "agent/app/pod_guard.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace weft {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookingFor = 2s;  // after an event, where addresses of other namespaces are not announced
constexpr int kDeviceGone = ENODEV;

template <class T>
std::size_t count_differences(const T& a, const T& b) {
  std::size_t count = 0;
  for (const auto& entry : a) count += !b.contains(entry);
  for (const auto& entry : b) count += !a.contains(entry);
  return count;
}

std::set<std::pair<std::uint32_t, std::int32_t>> pairs_of(const std::map<std::uint32_t, std::int32_t>& rows) {
  return {rows.begin(), rows.end()};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

PodGuard::PodGuard(Datapath& datapath, std::string node, bool enabled)
    : datapath_(datapath),
      hooks_(datapath.pod_hooks()),
      tables_(datapath.pod_tables()),
      node_(std::move(node)),
      enabled_(enabled),
      available_(datapath.has(Feature::kPolicy)),
      snapshot_(std::make_shared<const Snapshot>()) {}

Result<std::unique_ptr<PodGuard>> PodGuard::start(Datapath& datapath, std::string node, bool enabled) {
  std::unique_ptr<PodGuard> guard(new PodGuard(datapath, std::move(node), enabled));
  guard->rows_ = WEFT_TRY(guard->tables_.dump());
  if (enabled && guard->available_)
    guard->interfaces_ = std::make_unique<PodInterfaces>(WEFT_TRY(PodInterfaces::open()));
  else
    guard->refresh();
  return guard;
}

Result<bool> PodGuard::on_readable() {
  last_event_ = Clock::now();
  auto more = interfaces_->on_readable();
  refresh();
  return more;
}

void PodGuard::set_snapshot(const std::shared_ptr<const Snapshot>& snapshot) {
  bool synced = snapshot->all_synced() != snapshot_->all_synced();
  bool changed = pods_.update(*snapshot_, *snapshot, node_);
  snapshot_ = snapshot;
  if (!changed && !synced) return;
  if (interfaces_ && !interfaces_->hears_namespaces()) {
    last_event_ = Clock::now();
    if (auto looked = look_again(); !looked) spdlog::warn("addresses of pods: {}", looked.error().what);
  } else {
    refresh();
  }
}

bool PodGuard::should_look_again(Clock::time_point now) const {
  return interfaces_ && !interfaces_->hears_namespaces() && now - last_event_ < kLookingFor;
}

Result<> PodGuard::look_again() {
  std::set<std::int32_t> unread;
  for (const auto& [index, veth] : interfaces_->table().interfaces())
    if (veth.netns_id != kOwnNamespace && !bindings_.contains(index)) unread.insert(veth.netns_id);
  for (auto netns_id : unread) WEFT_TRY(interfaces_->read_addresses(netns_id));
  refresh();
  return {};
}

void PodGuard::refresh() {
  mark_stale();
  bindings_ = interfaces_ ? bind_interfaces(bindings_, rows_, interfaces_->table(), pods_, snapshot_->all_synced())
                          : Bindings();
  for (const auto& [index, binding] : bindings_) {
    if (auto settled = settle_rows(index, binding); !settled) {
      failures_[index] = settled.error().what;
      continue;
    }
    if (!hooks_.has(index)) waiting_.insert(index);
  }
  release_others();
}

Result<> PodGuard::settle_rows(std::uint32_t index, const Binding& binding) {
  const auto* pod = pods_.find(binding.pod);
  if (pod == nullptr) return {};  // not read yet after a start: what is there stays
  auto have = sources_of(index);
  for (const auto& address : pod->addresses) {
    if (have.contains(address)) continue;
    WEFT_TRY(tables_.put_source(index, address));
    rows_.sources.emplace(index, address);
  }
  if (auto row = rows_.interfaces.find(index); row == rows_.interfaces.end() || row->second != binding.netns_id) {
    WEFT_TRY(tables_.put_interface(index, binding.netns_id));
    rows_.interfaces[index] = binding.netns_id;
  }
  for (const auto& address : have) {
    if (pod->addresses.contains(address)) continue;
    WEFT_TRY(tables_.erase_source(index, address));
    rows_.sources.erase({index, address});
  }
  return {};
}

std::set<IpAddress> PodGuard::sources_of(std::uint32_t index) const {
  std::set<IpAddress> found;
  for (auto row = rows_.sources.lower_bound({index, {}}); row != rows_.sources.end() && row->first == index; ++row)
    found.insert(row->second);
  return found;
}

// Of interfaces that are gone at once; of others when every source has said what it knows.
bool PodGuard::may_release(std::uint32_t index) const {
  if (!interfaces_ || snapshot_->all_synced()) return true;
  auto row = rows_.interfaces.find(index);
  auto veth = interfaces_->table().interfaces().find(index);
  bool same = veth != interfaces_->table().interfaces().end() && row != rows_.interfaces.end() &&
              veth->second.netns_id == row->second;
  return !same;
}

void PodGuard::release_others() {
  auto known = hooks_.interfaces();
  for (const auto& [index, netns_id] : rows_.interfaces) known.insert(index);
  for (const auto& [index, address] : rows_.sources) known.insert(index);
  for (const auto& [index, failure] : failures_) known.insert(index);
  for (auto index : known)
    if (!bindings_.contains(index) && may_release(index)) release(index);
}

void PodGuard::release(std::uint32_t index) {
  waiting_.erase(index);
  drifted_.erase(index);
  failures_.erase(index);
  bypasses_.erase(index);
  unproven_.erase(index);
  hooks_.detach(index);
  auto gone = tables_.erase_interface(index);
  if (gone) rows_.interfaces.erase(index);
  for (const auto& address : sources_of(index)) {
    gone = tables_.erase_source(index, address);
    if (gone) rows_.sources.erase({index, address});
  }
  if (!gone) spdlog::error("rows of interface {}: {}", index, gone.error().what);
}

bool PodGuard::attach_next() {
  if (waiting_.empty()) return false;
  mark_stale();
  auto index = *waiting_.begin();
  waiting_.erase(waiting_.begin());
  bool drifted = drifted_.erase(index) > 0;
  auto attached = hooks_.attach(index);
  if (attached) {
    failures_.erase(index);
    if (drifted && *attached) {
      ++repaired_;
      spdlog::warn("pod {}/{}: programs of interface {} were not as they should be; attached again",
                   bindings_[index].pod.first, bindings_[index].pod.second, index);
    }
  } else if (attached.error().code != kDeviceGone) {  // its end is announced
    if (failures_[index] != attached.error().what) spdlog::error("interface {}: {}", index, attached.error().what);
    failures_[index] = attached.error().what;
  }
  return !waiting_.empty();
}

void PodGuard::audit() {
  attachments_.clear();
  bypasses_.clear();
  mark_stale();
  attachments_stale_ = false;
  for (const auto& [index, binding] : bindings_) {
    auto veth = interfaces_->table().interfaces().find(index);
    if (veth == interfaces_->table().interfaces().end()) continue;
    const auto& name = veth->second.name;
    for (const auto& hook : kPodHooks) {
      auto state = hooks_.audit(index, hook);
      std::string hook_name(hook.name);
      attachments_.push_back({hook_name, name, state.attached ? "attached" : "missing",
                              state.attached ? "" : "nothing of ours is attached, or its pin is gone"});
      for (const auto& program : state.before)
        attachments_.push_back({hook_name, name, "foreign", program + " runs before ours"});
      for (const auto& program : state.behind)
        attachments_.push_back({hook_name, name, "foreign", program + " runs after ours"});
      if (state.attached && !state.before.empty())
        bypasses_[index] = joined(state.before) + " runs before ours on " + name;
      if (state.attached && state.before.empty()) continue;
      if (hooks_.has(index)) drifted_.insert(index);
      waiting_.insert(index);
    }
  }
}

Result<> PodGuard::compare() {
  if (!interfaces_) return {};
  auto now = WEFT_TRY(tables_.dump());
  repaired_ += count_differences(pairs_of(now.interfaces), pairs_of(rows_.interfaces)) +
               count_differences(now.sources, rows_.sources);
  rows_ = std::move(now);
  auto read = interfaces_->read_all();
  refresh();
  return read;
}

std::size_t PodGuard::unenforced_workloads() {
  std::set<std::pair<std::string_view, std::string_view>> workloads;
  for (const auto& pod : unenforced()) workloads.emplace(pod.pod.first, pod.workload);
  return workloads.size();
}

const std::vector<AttachmentState>& PodGuard::attachments() {
  if (attachments_stale_) audit();
  return attachments_;
}

bool PodGuard::note_proof(std::uint32_t index, std::string problem) {
  auto known = unproven_.find(index);
  if (known == unproven_.end() ? problem.empty() : known->second == problem) return false;
  if (problem.empty())
    unproven_.erase(known);
  else
    unproven_[index] = std::move(problem);
  unenforced_stale_ = true;
  return true;
}

std::string PodGuard::problem_of(std::uint32_t index) const {
  if (auto failure = failures_.find(index); failure != failures_.end()) return failure->second;
  if (auto bypass = bypasses_.find(index); bypass != bypasses_.end()) return bypass->second;
  if (!hooks_.has(index)) return "its programs are being attached";
  auto unproven = unproven_.find(index);
  return unproven == unproven_.end() ? "" : unproven->second;
}

const std::vector<UnenforcedPod>& PodGuard::unenforced() {
  if (!std::exchange(unenforced_stale_, false)) return unenforced_;
  unenforced_.clear();
  if (!enabled_) return unenforced_;
  std::map<NamespacedName, std::string> problems;
  for (const auto& [index, binding] : bindings_)
    if (auto& problem = problems[binding.pod]; problem.empty()) problem = problem_of(index);
  for (const auto& [name, pod] : pods_.all()) {
    std::string reason = "no interface of this host leads to a namespace that has its address";
    if (!available_) reason = "this kernel does not take the programs of policy";
    if (auto known = problems.find(name); known != problems.end()) reason = known->second;
    if (!reason.empty()) unenforced_.push_back({name, pod.workload, reason});
  }
  return unenforced_;
}

}  // namespace weft
