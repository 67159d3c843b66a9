#include "agent/model/fold.hpp"

#include <algorithm>
#include <set>

#include "agent/model/object_claims.hpp"
#include "agent/model/service_index.hpp"

namespace weft {
namespace {

// Up to here each new selector looks through all pods; beyond, all pods look through the new selectors once.
constexpr std::size_t kFewSelectors = 16;

NamespacedName name_of(const Metadata& metadata) { return {metadata.space, metadata.name}; }

template <class T>
void put_member(std::vector<std::shared_ptr<const T>>& members, const std::shared_ptr<const T>& value) {
  auto by_name = [](const auto& member, const std::string& name) { return member->metadata.name < name; };
  auto it = std::lower_bound(members.begin(), members.end(), value->metadata.name, by_name);
  if (it != members.end() && (*it)->metadata.name == value->metadata.name)
    *it = value;
  else
    members.insert(it, value);
}

template <class T>
void erase_member(std::vector<std::shared_ptr<const T>>& members, const std::string& name) {
  std::erase_if(members, [&](const auto& member) { return member->metadata.name == name; });
}

std::vector<std::shared_ptr<const Pod>>& members_of(ServiceMembers& members, const Pod&) { return members.pods; }
std::vector<std::shared_ptr<const Workload>>& members_of(ServiceMembers& members, const Workload&) {
  return members.workloads;
}

// Whether addresses belong to somebody else than before: readiness alone moves no owner.
bool moves_owner(const Pod& before, const Pod& after) {
  auto same = before;
  same.ready = after.ready;
  same.metadata.deleting = after.metadata.deleting;
  return !(same == after);
}
bool moves_owner(const Workload& before, const Workload& after) {
  auto same = before;
  same.metadata.deleting = after.metadata.deleting;
  return !(same == after);
}

const std::string& owner_name(const Pod& pod) { return pod.owner; }
const std::string& owner_name(const Workload& workload) { return workload.metadata.name; }

// Turns effects on objects into writes to the next snapshot, and notes what changed for whom.
class SnapshotWriter {
 public:
  explicit SnapshotWriter(ServiceIndex& index) : index_(index) {}

  void begin(const Snapshot& current) {
    next_ = std::make_shared<Snapshot>(current);
    changes_ = {};
    changed_ = false;
  }

  void replace(const Effect& effect) {
    const auto& some = effect.after ? *effect.after : *effect.before;
    std::visit(
        [&]<class T>(const std::shared_ptr<const T>& value) {
          // The snapshot's own object, which may be an equal one of another origin, is what the indexes know.
          const auto* held = table<T>().find(name_of(value->metadata));
          auto before = held == nullptr ? nullptr : *held;
          apply(before, effect.after ? value : std::shared_ptr<const T>());
        },
        some);
    changed_ = true;
  }

  void diagnose(const std::string& path, std::vector<Diagnostic> diagnostics) {
    NamespacedName key{"", path};
    if (!diagnostics.empty())
      next_->diagnostics.put(key, std::move(diagnostics));
    else if (!next_->diagnostics.erase(key))
      return;
    changed_ = true;
  }

  void source(const SourceId& id, const SourceState& state) {
    auto [it, added] = next_->sources.try_emplace(id);
    if (!added && it->second.synced == state.synced && it->second.objects == state.objects) return;
    it->second = state;
    changed_ = true;
  }
  SourceState source(const SourceId& id) const {
    auto it = next_->sources.find(id);
    return it == next_->sources.end() ? SourceState{} : it->second;
  }

  std::optional<Folded> finish() {
    if (!changed_) return std::nullopt;
    select_members();
    changes_.everything = changes_.everything || next_->revision == 0;
    ++next_->revision;
    return Folded{std::move(next_), std::move(changes_)};
  }

 private:
  template <class T>
  ShardedMap<std::shared_ptr<const T>>& table() {
    if constexpr (std::is_same_v<T, Namespace>) return next_->namespaces;
    if constexpr (std::is_same_v<T, Node>) return next_->nodes;
    if constexpr (std::is_same_v<T, Pod>) return next_->pods;
    if constexpr (std::is_same_v<T, Service>) return next_->services;
    if constexpr (std::is_same_v<T, EndpointSlice>) return next_->slices;
    if constexpr (std::is_same_v<T, Workload>) return next_->workloads;
    if constexpr (std::is_same_v<T, NetworkPolicy>) return next_->network_policies;
    if constexpr (std::is_same_v<T, ClusterNetworkPolicy>) return next_->cluster_policies;
    if constexpr (std::is_same_v<T, DenyList>) return next_->deny_lists;
  }

  template <class T>
  void write(const std::shared_ptr<const T>& before, const std::shared_ptr<const T>& after) {
    if (after)
      table<T>().put(name_of(after->metadata), after);
    else if (before)
      table<T>().erase(name_of(before->metadata));
  }

  template <class T>
    requires std::is_same_v<T, Namespace> || std::is_base_of_v<Policy, T>
  void apply(const std::shared_ptr<const T>& before, const std::shared_ptr<const T>& after) {
    write(before, after);
    changes_.policies = true;
  }

  void apply(const std::shared_ptr<const DenyList>& before, const std::shared_ptr<const DenyList>& after) {
    write(before, after);
  }

  void apply(const std::shared_ptr<const Node>& before, const std::shared_ptr<const Node>& after) {
    write(before, after);
    changes_.everything = changes_.owners = changes_.policies = true;
  }

  void apply(const std::shared_ptr<const Service>& before, const std::shared_ptr<const Service>& after) {
    write(before, after);
    auto name = name_of((after ? after : before)->metadata);
    changes_.services.insert(name);
    if (before) index_.remove(*before);
    if (after) index_.add(after);
    if (before && after && before->selector == after->selector) return;
    unselected_.insert(name);
  }

  void apply(const std::shared_ptr<const EndpointSlice>& before, const std::shared_ptr<const EndpointSlice>& after) {
    write(before, after);
    if (before) index_.remove(*before), list_slice(*before, nullptr);
    if (after) index_.add(after), list_slice(*after, after);
  }

  // Puts `now` into the list of slices of `slice`'s service, or takes `slice` off it.
  void list_slice(const EndpointSlice& slice, const std::shared_ptr<const EndpointSlice>& now) {
    NamespacedName service{slice.metadata.space, slice.service};
    changes_.services.insert(service);
    const auto* listed = next_->slices_by_service.find(service);
    auto slices = listed == nullptr ? std::vector<std::shared_ptr<const EndpointSlice>>() : *listed;
    erase_member(slices, slice.metadata.name);
    if (now) put_member(slices, now);
    if (slices.empty())
      next_->slices_by_service.erase(service);
    else
      next_->slices_by_service.put(service, std::move(slices));
  }

  void apply(const std::shared_ptr<const Pod>& before, const std::shared_ptr<const Pod>& after) {
    write(before, after);
    apply_member(before, after);
  }

  void apply(const std::shared_ptr<const Workload>& before, const std::shared_ptr<const Workload>& after) {
    write(before, after);
    apply_member(before, after);
  }

  template <class T>
  void apply_member(const std::shared_ptr<const T>& before, const std::shared_ptr<const T>& after) {
    const auto& metadata = (after ? after : before)->metadata;
    if (!before || !after || moves_owner(*before, *after)) changes_.owners = changes_.policies = true;
    if (before)
      index_.for_each_selecting(metadata.space, before->metadata.labels, [&](const auto& service) {
        if (!after || !ServiceIndex::selects(*service, after->metadata.labels)) update_member(*service, *before, after);
      });
    if (after)
      index_.for_each_selecting(metadata.space, after->metadata.labels,
                                [&](const auto& service) { update_member(*service, *after, after); });
    bool renamed = !before || !after || owner_name(*before) != owner_name(*after);
    if (!renamed) return;
    index_.for_each_targeting(metadata.space, metadata.name, [&](const EndpointSlice& slice) {
      changes_.services.emplace(slice.metadata.space, slice.service);
    });
  }

  // `service` selects `now` (which is `member`), or no longer selects `member` when `now` does not exist for it.
  template <class T>
  void update_member(const Service& service, const T& member, const std::shared_ptr<const T>& now) {
    auto name = name_of(service.metadata);
    if (unselected_.contains(name)) return;  // changed anyway, and looks for its members at the end
    if (next_->slices_by_service.find(name) == nullptr) changes_.services.insert(name);
    const auto* listed = next_->members_by_service.find(name);
    auto members = listed == nullptr ? ServiceMembers() : *listed;
    if (now && ServiceIndex::selects(service, now->metadata.labels))
      put_member(members_of(members, member), now);
    else
      erase_member(members_of(members, member), member.metadata.name);
    put_members(name, std::move(members));
  }

  void put_members(const NamespacedName& name, ServiceMembers members) {
    if (members.pods.empty() && members.workloads.empty())
      next_->members_by_service.erase(name);
    else
      next_->members_by_service.put(name, std::move(members));
  }

  // Finds the members of all services whose selector is new.
  void select_members() {
    std::map<NamespacedName, ServiceMembers> found;
    for (const auto& name : unselected_) found[name];
    if (found.size() <= kFewSelectors)
      select_by_service(found);
    else
      select_by_member(found);
    for (auto& [name, members] : found) {
      std::ranges::sort(members.pods, {}, [](const auto& pod) { return std::string_view(pod->metadata.name); });
      std::ranges::sort(members.workloads, {},
                        [](const auto& workload) { return std::string_view(workload->metadata.name); });
      put_members(name, std::move(members));
    }
    unselected_.clear();
  }

  void select_by_service(std::map<NamespacedName, ServiceMembers>& found) const {
    for (auto& [name, members] : found) {
      const auto* service = next_->services.find(name);
      if (service == nullptr || !(*service)->selector) continue;
      auto collect = [&](const NamespacedName& key, const auto& member) {
        if (key.first == name.first && ServiceIndex::selects(**service, member->metadata.labels))
          members_of(members, *member).push_back(member);
      };
      next_->pods.for_each(collect);
      next_->workloads.for_each(collect);
    }
  }

  void select_by_member(std::map<NamespacedName, ServiceMembers>& found) const {
    auto collect = [&](const NamespacedName& key, const auto& member) {
      index_.for_each_selecting(key.first, member->metadata.labels, [&](const auto& service) {
        if (auto it = found.find(name_of(service->metadata)); it != found.end())
          members_of(it->second, *member).push_back(member);
      });
    };
    next_->pods.for_each(collect);
    next_->workloads.for_each(collect);
  }

  ServiceIndex& index_;
  std::shared_ptr<Snapshot> next_;
  ChangeSet changes_;
  std::set<NamespacedName> unselected_;  // services whose members must be looked for
  bool changed_ = false;
};

}  // namespace

struct Fold::State {
  std::shared_ptr<const Snapshot> current = std::make_shared<Snapshot>();
  ObjectClaims claims;
  ServiceIndex index;
  SnapshotWriter writer{index};
  std::set<SourceId> touched;

  void put(const std::optional<Effect>& effect) {
    if (effect) writer.replace(*effect);
  }
  void handle(const ObjectChanged& event) {
    put(claims.claim(event.source, event.origin, event.object));
    touched.insert(event.source);
  }
  void handle(const ObjectRemoved& event) {
    put(claims.release(event.source, event.origin, event.key));
    touched.insert(event.source);
  }
  void handle(const OriginDiagnosed& event) { claims.diagnose(event.source, event.origin, event.diagnostics); }
  void handle(const SourceReset& event) {
    claims.reset(event.source);
    touched.insert(event.source);
  }
  void handle(const SourceSynced& event) {
    for (const auto& effect : claims.sync(event.source)) writer.replace(effect);
    writer.source(event.source, {true, claims.claimed(event.source)});
  }
};

Fold::Fold() : state_(std::make_unique<State>()) {}
Fold::~Fold() = default;

void Fold::expect_source(const SourceId& source) {
  if (state_->current->sources.contains(source)) return;
  auto next = std::make_shared<Snapshot>(*state_->current);
  next->sources[source] = {};
  state_->current = std::move(next);
}

Folded Fold::apply(std::span<const Event> events) {
  auto& state = *state_;
  state.writer.begin(*state.current);
  for (const auto& event : events) std::visit([&](const auto& what) { state.handle(what); }, event.what);
  for (auto& [path, diagnostics] : state.claims.take_changed_diagnostics())
    state.writer.diagnose(path, std::move(diagnostics));
  for (const auto& source : state.touched)
    state.writer.source(source, {state.writer.source(source).synced, state.claims.claimed(source)});
  state.touched.clear();
  auto folded = state.writer.finish();
  if (!folded) return {state.current, {}};
  state.current = folded->snapshot;
  return std::move(*folded);
}

const std::shared_ptr<const Snapshot>& Fold::snapshot() const { return state_->current; }

std::optional<ObjectPlace> Fold::find_place(const ObjectKey& key) const { return state_->claims.find_place(key); }

std::uint64_t Fold::count_diagnostics(const SourceId& source) const { return state_->claims.count_diagnostics(source); }

}  // namespace weft
