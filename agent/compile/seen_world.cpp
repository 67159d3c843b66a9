#include "agent/compile/seen_world.hpp"

#include <fmt/format.h>

#include <set>

#include "agent/compile/policy_compiler.hpp"
#include "agent/model/controller_labels.hpp"

namespace weft {
namespace {

// Reserved for documentation of address formats (RFC 9637): nobody has it, and no block of a policy should hold it.
constexpr std::array<std::uint8_t, 8> kStandInPrefix{0x3f, 0xff, 0x0f, 0xff, 0xff, 0xff, 0xff, 0xff};

IpAddress stand_in(std::size_t number) {
  IpAddress address;
  std::copy(kStandInPrefix.begin(), kStandInPrefix.end(), address.bytes.begin());
  for (std::size_t i = 0; i < sizeof number; ++i) address.bytes[15 - i] = static_cast<std::uint8_t>(number >> (8 * i));
  return address;
}

// Makes the pods of ends, each with one address that nobody else has.
class Actors {
 public:
  Actors(Snapshot& snapshot, const NodeFacts& facts) : snapshot_(snapshot), node_(facts.name) {
    taken_.insert(facts.addresses.begin(), facts.addresses.end());
    snapshot_.nodes.for_each(
        [&](const auto&, const auto& node) { taken_.insert(node->addresses.begin(), node->addresses.end()); });
    snapshot_.pods = {};
    snapshot_.workloads = {};
  }

  IpAddress add(const SeenEnd& end) {
    auto number = count_++;
    auto address = taken_.insert(end.address).second ? end.address : stand_in(number);
    auto pod = std::make_shared<Pod>(*end.pod);
    pod->metadata.name = fmt::format("seen-{}", number);
    pod->metadata.uid.clear();
    pod->metadata.deleting = false;
    pod->node = node_;
    pod->running = true;
    pod->host_network = false;
    pod->addresses = {address};
    snapshot_.pods.put({pod->metadata.space, pod->metadata.name}, pod);
    return address;
  }

 private:
  Snapshot& snapshot_;
  std::string node_;
  std::set<IpAddress> taken_;
  std::size_t count_ = 0;
};

bool denies(const PolicySideVerdict& side) { return side.decision.verdict == WEFT_VERDICT_DENY; }

}  // namespace

SeenWorld::SeenWorld(const Snapshot& snapshot, const NodeFacts& facts, std::span<const SeenConnections> seen)
    : snapshot_(snapshot), facts_(facts) {
  Actors actors(snapshot_, facts_);
  for (const auto& connection : seen)
    for (const auto& end : {connection.client, connection.server})
      if (end->pod && !places_.contains(end.get())) places_.emplace(end.get(), actors.add(*end));
  lookup_ = std::make_unique<const PolicyLookup>(PolicyCompiler(PolicyNumbers{}).compile(snapshot_, facts_));
}

weft_peer SeenWorld::row_of(const SeenEnd& end) const {
  auto place = places_.find(&end);
  if (place == places_.end()) return lookup_->peer_of(end.address);
  auto row = lookup_->peer_of(place->second);
  if (place->second != end.address) row.network = lookup_->peer_of(end.address).network;
  return row;
}

std::optional<SeenWorld::Verdict> SeenWorld::decide(const SeenConnections& connection) const {
  auto client = row_of(*connection.client), server = row_of(*connection.server);
  // Two replicas that were the same to policies are one end here, and yet not one pod.
  if (client.owner == server.owner) client.owner = 0;
  // A node's own way is free to its own pods only, neither to those of another node nor to processes.
  bool elsewhere =
      connection.server->pod && !connection.server->pod->node.empty() && connection.server->pod->node != facts_.name;
  if (elsewhere || connection.server->process) client.flags &= static_cast<__u16>(~WEFT_PEER_LOCAL_NODE);
  PolicyQuery query{connection.client->address, connection.server->address, connection.port, connection.protocol};
  std::optional<Verdict> verdict;
  auto egress = lookup_->decide_side(client, server, query, WEFT_EGRESS);
  if (egress) verdict = {WEFT_EGRESS, *egress, denies(*egress)};
  if (verdict && verdict->denied) return verdict;
  auto ingress = lookup_->decide_side(server, client, query, WEFT_INGRESS);
  if (ingress && (!verdict || denies(*ingress) || ingress->decision.rule != 0))
    verdict = {WEFT_INGRESS, *ingress, denies(*ingress)};
  return verdict;
}

PolicyEnd SeenWorld::end_of(const SeenEnd& end) const {
  if (!end.pod) return {PolicyEnd::Kind::kWorld, {}, {}, end.address};
  return {PolicyEnd::Kind::kWorkload, workload_of(*end.pod), lasting_labels(end.pod->metadata.labels), end.address};
}

PolicyExplanation SeenWorld::explain(const SeenConnections& connection, const Verdict& verdict) const {
  bool ingress = verdict.direction == WEFT_INGRESS;
  return explain_policy(snapshot_, lookup_->tables(),
                        {end_of(ingress ? *connection.server : *connection.client),
                         end_of(ingress ? *connection.client : *connection.server), verdict.side.subject,
                         verdict.direction, connection.port, connection.protocol, verdict.side.decision});
}

}  // namespace weft
