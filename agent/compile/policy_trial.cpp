#include "agent/compile/policy_trial.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/compile/seen_world.hpp"

namespace weft {
namespace {

NamespacedName name_of(const SeenEnd& end) {
  return end.pod ? workload_of(*end.pod) : NamespacedName{"", end.address.text()};
}

// Adds connections up by who talks to whom and which rule decides.
class Edges {
 public:
  void add(const SeenWorld& world, const SeenConnections& connection, const SeenWorld::Verdict& verdict) {
    auto words = world.explain(connection, verdict);
    auto client = name_of(*connection.client), server = name_of(*connection.server);
    auto& edge = edges_[{client, server, connection.port, connection.protocol, verdict.direction, words.rule}];
    edge.client = std::move(client);
    edge.server = std::move(server);
    edge.port = connection.port;
    edge.protocol = connection.protocol;
    edge.direction = verdict.direction;
    edge.rule = words.rule;
    edge.sentence = std::move(words.sentence);
    edge.connections += connection.allowed + connection.denied;
    edge.last_ns = std::max(edge.last_ns, connection.last_ns);
    connections_ += connection.allowed + connection.denied;
  }
  std::vector<TrialEdge> finish() {
    std::vector<TrialEdge> list;
    for (auto& [key, edge] : edges_) list.push_back(std::move(edge));
    std::ranges::stable_sort(list, std::ranges::greater{}, &TrialEdge::connections);
    return list;
  }
  std::uint64_t connections() const { return connections_; }

 private:
  using Key =
      std::tuple<NamespacedName, NamespacedName, std::uint16_t, std::uint8_t, weft_direction, std::optional<RuleName>>;
  std::map<Key, TrialEdge> edges_;
  std::uint64_t connections_ = 0;
};

}  // namespace

Trial try_policies(const Snapshot& now, const Snapshot& candidate, const NodeFacts& facts,
                   std::span<const SeenConnections> seen) {
  SeenWorld today(now, facts, seen), then(candidate, facts, seen);
  Edges denied, allowed;
  Trial trial;
  for (const auto& connection : seen) {
    auto before = today.decide(connection), after = then.decide(connection);
    bool was_denied = before && before->denied, is_denied = after && after->denied;
    if (is_denied && !was_denied) denied.add(then, connection, *after);
    if (was_denied && !is_denied) allowed.add(today, connection, *before);
    trial.connections += connection.allowed + connection.denied;
  }
  trial.newly_denied_connections = denied.connections();
  trial.newly_allowed_connections = allowed.connections();
  trial.newly_denied = denied.finish();
  trial.newly_allowed = allowed.finish();
  return trial;
}

}  // namespace weft
