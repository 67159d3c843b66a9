#include "agent/observe/seen_book.hpp"

#include <fmt/format.h>

#include "agent/model/controller_labels.hpp"

namespace weft {
namespace {

constexpr std::size_t kMostKnown = 16384;         // objects whose end is remembered
constexpr std::int64_t kSweepNs = 1'000'000'000;  // a full book is looked through once a second at most

std::int64_t bucket_of(std::int64_t time_ns) { return time_ns / SeenBook::kBucketNs; }

// Everything that may matter to a policy. Fields are divided by line feeds, which none of them holds.
std::string content_of(const SeenEnd& end) {
  if (!end.pod) return end.address.text();
  const auto& pod = *end.pod;
  auto text = fmt::format("{}\n{}\n{}\n{}\n{}{}\n", pod.metadata.space, pod.owner, pod.service_account, pod.node,
                          end.address.is_v4(), end.process);
  for (const auto& [key, value] : lasting_labels(pod.metadata.labels)) text += key + "=" + value + "\n";
  for (const auto& port : pod.ports)
    text += fmt::format("\n{}/{}={}", port.name, protocol_name(port.protocol), port.port);
  return text;
}

std::shared_ptr<const Pod> pod_form(const Workload& workload) {
  auto pod = std::make_shared<Pod>();
  pod->metadata = workload.metadata;
  pod->node = workload.node;
  pod->service_account = workload.service_account;
  pod->owner = workload.metadata.name;
  pod->running = true;
  pod->ports = workload.ports;
  return pod;
}

}  // namespace

std::size_t SeenBook::KeyHash::operator()(const Key& key) const noexcept {
  auto mixed = std::hash<const void*>{}(key.client.get()) * 0x9E3779B97F4A7C15ULL;
  mixed ^= std::hash<const void*>{}(key.server.get()) + (mixed >> 31);
  return (mixed ^ (std::size_t{key.port} << 8U) ^ key.protocol) * 0xBF58476D1CE4E5B9ULL;
}

std::size_t SeenBook::KnownHash::operator()(const KnownKey& key) const noexcept {
  return std::hash<const void*>{}(std::get<0>(key)) ^ static_cast<std::size_t>(std::get<1>(key));
}

SharedSeenEnd SeenBook::intern(SeenEnd end) {
  auto& known = ends_[content_of(end)];
  if (auto held = known.lock()) return held;
  auto made = std::make_shared<const SeenEnd>(std::move(end));
  known = made;
  return made;
}

SharedSeenEnd SeenBook::remember(const std::shared_ptr<const void>& object, SeenEnd end) {
  KnownKey key{object.get(), end.address.is_v4()};
  auto held = intern(std::move(end));
  if (known_.size() >= kMostKnown) known_.clear();
  known_[key] = {object, held};
  return held;
}

SharedSeenEnd SeenBook::end_of(const FlowEnd& end, const Snapshot& snapshot) {
  const auto& address = end.address.address;
  bool named = !end.pod_object && end.workload && !end.workload->first.empty();
  const auto* workload = named ? snapshot.workloads.find(*end.workload) : nullptr;
  std::shared_ptr<const void> object = end.pod_object;
  if (workload != nullptr) object = *workload;
  if (!object) return intern({nullptr, address});
  if (auto it = known_.find({object.get(), address.is_v4()}); it != known_.end()) return it->second.end;
  if (workload != nullptr) return remember(object, {pod_form(**workload), address, true});
  return remember(object, {end.pod_object, address});
}

void SeenBook::take(const Flow& flow, const Snapshot& snapshot) {
  bool denied = flow.kind == FlowKind::kDeny;
  if (!denied && (flow.kind != FlowKind::kOpen || flow.verdict != FlowVerdict::kAllowed)) return;
  if (flow.source.address.address == flow.destination.address.address) return;  // no policy can deny it
  Key key{end_of(flow.source, snapshot), end_of(flow.destination, snapshot), flow.destination.address.port,
          flow.protocol};
  auto it = entries_.find(key);
  if (it == entries_.end()) {
    if (entries_.size() >= most_entries_) make_room(flow.time_ns);
    if (entries_.size() >= most_entries_) {
      ++overflow_;
      return;
    }
    it = entries_.try_emplace(std::move(key)).first;
  }
  auto number = bucket_of(flow.time_ns);
  auto& bucket = it->second.buckets[static_cast<std::size_t>(number) % kBuckets];
  if (bucket.number < number) bucket = {number, 0, 0};
  ++(denied ? bucket.denied : bucket.allowed);
  it->second.last_ns = std::max(it->second.last_ns, flow.time_ns);
}

void SeenBook::make_room(std::int64_t now_ns) {
  if (now_ns - swept_ns_ < kSweepNs) return;
  swept_ns_ = now_ns;
  known_.clear();
  std::erase_if(entries_, [&](const auto& entry) { return entry.second.last_ns < now_ns - kReachNs; });
  std::erase_if(ends_, [](const auto& end) { return end.second.expired(); });
}

std::vector<SeenConnections> SeenBook::since(std::int64_t since_ns) const {
  std::vector<SeenConnections> found;
  auto first = bucket_of(since_ns);
  for (const auto& [key, entry] : entries_) {
    SeenConnections seen{key.client, key.server, key.port, key.protocol, 0, 0, entry.last_ns};
    for (const auto& bucket : entry.buckets) {
      if (bucket.number < first) continue;
      seen.allowed += bucket.allowed;
      seen.denied += bucket.denied;
    }
    if (seen.allowed + seen.denied > 0) found.push_back(std::move(seen));
  }
  return found;
}

}  // namespace weft
