#include "agent/compile/compiler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "agent/base/findings.hpp"
#include "agent/compile/abi.hpp"
#include "agent/compile/claims.hpp"
#include "agent/compile/draft.hpp"
#include "agent/compile/owners.hpp"

namespace weft {
namespace {

using Drafts = std::map<NamespacedName, CompiledService>;

Claims::Keys keys_of(const CompiledService& service) {
  Claims::Keys keys;
  keys.reserve(service.frontends.size());
  for (const auto& frontend : service.frontends) keys.push_back(frontend.key);
  return keys;
}

bool same_rows(const std::vector<weft_endpoint>& a, const std::vector<weft_endpoint>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(a[0])) == 0);
}

bool same_service(const CompiledService& a, const CompiledService& b) {
  auto same_set = [](const EndpointSet& x, const EndpointSet& y) { return same_rows(x.endpoints, y.endpoints); };
  auto same_frontend = [](const Frontend& x, const Frontend& y) { return bytes_equal(x.key, y.key) && x.set == y.set; };
  return a.id == b.id && a.flags == b.flags && a.affinity_timeout_s == b.affinity_timeout_s &&
         std::equal(a.sets.begin(), a.sets.end(), b.sets.begin(), b.sets.end(), same_set) &&
         std::equal(a.frontends.begin(), a.frontends.end(), b.frontends.begin(), b.frontends.end(), same_frontend) &&
         a.diagnostics == b.diagnostics;
}

bool same_owners(const std::vector<OwnerRow>& a, const std::vector<OwnerRow>& b) {
  auto same = [](const OwnerRow& x, const OwnerRow& y) {
    return bytes_equal(x.first, y.first) && bytes_equal(x.second, y.second);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

bool same_processes(const std::vector<ProcessOwner>& a, const std::vector<ProcessOwner>& b) {
  auto same = [](const ProcessOwner& x, const ProcessOwner& y) {
    return x.process == y.process && x.workload == y.workload;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same);
}

std::string frontend_text(const weft_service_key& key) {
  SocketAddress address{from_abi(key.address), Be16{key.port}.host()};
  return fmt::format("{}/{}", address.text(), protocol_name(static_cast<Protocol>(key.protocol)));
}

// Drops sets that no frontend has any more, keeping the order of the rest.
void drop_unused_sets(CompiledService& service) {
  std::vector<int> places(service.sets.size(), -1);
  for (const auto& frontend : service.frontends) places[frontend.set] = 0;
  std::vector<EndpointSet> used;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] < 0) continue;
    places[i] = static_cast<int>(used.size());
    used.push_back(std::move(service.sets[i]));
  }
  for (auto& frontend : service.frontends) frontend.set = static_cast<std::uint16_t>(places[frontend.set]);
  service.sets = std::move(used);
}

}  // namespace

struct Compiler::State {
  explicit State(Names given) : givers(std::move(given)), claims(givers) {}

  NameGivers givers;
  Claims claims;
  std::unordered_map<std::uint32_t, Claims::Keys> lost;  // service → keys that it claims and another one has
  Compiled last;                                         // without names and owners before the first compile
  NodeFacts facts;
  std::unique_ptr<const Topology> topology;
  OwnerTable owner_table;
  std::size_t published_names = 0;

  std::vector<NamespacedName> all_services(const Snapshot& snapshot) const;
  Claims::Keys claimed_keys(const NamespacedName& name, std::uint32_t id) const;
  void draft(const Snapshot& snapshot, const NamespacedName& name, Drafts& drafts,
             std::vector<std::uint32_t>& affected);
  void remove(const NamespacedName& name, std::vector<std::uint32_t>& affected, CompileResult& result);
  void resolve(CompiledService& service);
  void complain_of_lost(CompiledService& service, const Claims::Keys& keys) const;
  void compile_services(const Snapshot& snapshot, const std::vector<NamespacedName>& names, CompileResult& result);
  void compile_addresses(const Snapshot& snapshot, CompileResult& result);
  void publish_names();
};

Compiler::Compiler(Names names) : state_(std::make_unique<State>(std::move(names))) {}
Compiler::~Compiler() = default;

std::vector<NamespacedName> Compiler::State::all_services(const Snapshot& snapshot) const {
  std::vector<NamespacedName> names;
  names.reserve(snapshot.services.size());
  auto add = [&](const NamespacedName& name, const auto&) { names.push_back(name); };
  snapshot.services.for_each(add);
  last.services.for_each(add);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

Claims::Keys Compiler::State::claimed_keys(const NamespacedName& name, std::uint32_t id) const {
  const auto* service = last.services.find(name);
  auto keys = service ? keys_of(**service) : Claims::Keys{};
  if (auto it = lost.find(id); it != lost.end()) {
    auto middle = keys.insert(keys.end(), it->second.begin(), it->second.end());
    std::inplace_merge(keys.begin(), middle, keys.end(), bytes_less<weft_service_key>);
  }
  return keys;
}

void Compiler::State::draft(const Snapshot& snapshot, const NamespacedName& name, Drafts& drafts,
                            std::vector<std::uint32_t>& affected) {
  auto draft = draft_service(snapshot, **snapshot.services.find(name), *topology, givers);
  if (draft.id != 0) claims.update(draft.id, claimed_keys(name, draft.id), keys_of(draft), affected);
  drafts.insert_or_assign(name, std::move(draft));
}

void Compiler::State::remove(const NamespacedName& name, std::vector<std::uint32_t>& affected, CompileResult& result) {
  auto id = givers.find_service(name);
  if (id != 0) claims.update(id, claimed_keys(name, id), {}, affected);
  lost.erase(id);
  if (last.services.erase(name)) result.changed_services.push_back(name);
}

void Compiler::State::resolve(CompiledService& service) {
  Claims::Keys keys;
  auto is_lost = [&](const Frontend& frontend) {
    if (claims.winner(frontend.key) == service.id) return false;
    keys.push_back(frontend.key);
    return true;
  };
  std::erase_if(service.frontends, is_lost);
  drop_unused_sets(service);
  complain_of_lost(service, keys);
  service.frontends.shrink_to_fit();
  if (keys.empty())
    lost.erase(service.id);
  else
    lost[service.id] = std::move(keys);
}

void Compiler::State::complain_of_lost(CompiledService& service, const Claims::Keys& keys) const {
  std::map<NamespacedName, Claims::Keys> by_winner;
  for (const auto& key : keys) by_winner[givers.service_name(claims.winner(key))].push_back(key);
  for (const auto& [winner, lost_keys] : by_winner) {
    auto more = lost_keys.size() == 1 ? std::string() : fmt::format(" (and {} more)", lost_keys.size() - 1);
    auto reason =
        fmt::format("{}{} is taken by {}, which comes first by name: give one of the two another address or port",
                    frontend_text(lost_keys.front()), more, service_object(winner).text());
    service.diagnostics.push_back({Diagnostic::Severity::kError,
                                   finding_code(FindingCode::kFrontendCollision),
                                   service_object(givers.service_name(service.id)),
                                   "spec.ports",
                                   std::move(reason),
                                   {}});
  }
}

void Compiler::State::compile_services(const Snapshot& snapshot, const std::vector<NamespacedName>& names,
                                       CompileResult& result) {
  Drafts drafts;
  std::vector<std::uint32_t> affected;
  for (const auto& name : names)
    if (snapshot.services.find(name))
      draft(snapshot, name, drafts, affected);
    else
      remove(name, affected, result);
  // Those who won or lost something by the changes above claim what they claimed before.
  std::vector<std::uint32_t> unchanged;
  for (auto id : affected)
    if (const auto& name = givers.service_name(id); snapshot.services.find(name) && !drafts.contains(name))
      draft(snapshot, name, drafts, unchanged);
  for (auto& [name, service] : drafts) {
    if (service.id != 0) resolve(service);
    const auto* before = last.services.find(name);
    if (before && same_service(**before, service)) continue;
    last.services.put(name, std::make_shared<const CompiledService>(std::move(service)));
    result.changed_services.push_back(name);
  }
}

void Compiler::State::compile_addresses(const Snapshot& snapshot, CompileResult& result) {
  owner_table.update(snapshot, *topology, givers);
  auto owners = owner_table.rows();
  auto processes = compile_processes(snapshot, *topology, givers);
  result.owners_changed =
      !last.owners || !same_owners(*last.owners, owners) || !same_processes(last.processes, processes);
  if (!result.owners_changed) return;
  last.owners = std::make_shared<const std::vector<OwnerRow>>(std::move(owners));
  last.processes = std::move(processes);
}

void Compiler::State::publish_names() {
  if (last.names && givers.size() == published_names) return;
  last.names = std::make_shared<const Names>(givers.names());
  published_names = givers.size();
}

CompileResult Compiler::compile(const std::shared_ptr<const Snapshot>& snapshot, const ChangeSet& changes,
                                const NodeFacts& facts) {
  auto& state = *state_;
  CompileResult result;
  bool everything = changes.everything || !state.topology || !(facts == state.facts);
  if (everything) {
    state.facts = facts;
    state.topology = std::make_unique<const Topology>(*snapshot, facts);
    state.owner_table.reset(*state.topology, state.givers);
    state.last.settings.node_zone = state.givers.zone(state.topology->local().zone);
    state.compile_services(*snapshot, state.all_services(*snapshot), result);
  } else {
    state.compile_services(*snapshot, {changes.services.begin(), changes.services.end()}, result);
  }
  if (everything || changes.owners) state.compile_addresses(*snapshot, result);
  state.publish_names();
  state.last.revision = snapshot->revision;
  result.compiled = std::make_shared<const Compiled>(state.last);
  return result;
}

}  // namespace weft
