#include "agent/compile/policy_lookup.hpp"

#include <algorithm>
#include <unordered_map>

namespace {

using Rows = std::unordered_map<weft_policy_key, weft_policy, weft::BytesHash<weft_policy_key>,
                                weft::BytesEqual<weft_policy_key>>;

inline const weft_policy* policy_find_row(const void* tables, const weft_policy_key* key) {
  const auto& rows = *static_cast<const Rows*>(tables);
  auto it = rows.find(*key);
  return it == rows.end() ? nullptr : &it->second;
}

}  // namespace

#include "bpf/lib/policy_decide.h"

namespace weft {
namespace {

using Peers = std::unordered_map<weft_peer_key, weft_peer, BytesHash<weft_peer_key>, BytesEqual<weft_peer_key>>;

bool has_prefix(const IpAddress& address, const weft_network_key& key) {
  auto prefix = from_abi(key.address);
  for (std::uint32_t bit = 0; bit < key.bits; ++bit) {
    auto mask = 0x80U >> (bit % 8);
    if ((address.bytes[bit / 8] & mask) != (prefix.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

}  // namespace

struct PolicyLookup::State {
  std::shared_ptr<const PolicyTables> tables;
  Rows rows;
  Peers peers;

  std::uint32_t network_of(const IpAddress& address) const {
    const NetworkRow* best = nullptr;
    for (const auto& row : *tables->networks)
      if (has_prefix(address, row.first) && (best == nullptr || row.first.bits > best->first.bits)) best = &row;
    return best == nullptr ? 0 : best->second.network;
  }

  weft_decision decide_for(std::uint32_t subject, const weft_peer& peer, const PolicyQuery& query,
                           weft_direction direction) const {
    auto held = tables->subjects.find(subject);
    if (held == tables->subjects.end()) return policy_make_decision(0, WEFT_VERDICT_DENY, WEFT_REASON_INCONSISTENT);
    policy_question question{subject,        peer.identity,
                             peer.network,   Be16::from_host(query.port).raw,
                             query.protocol, static_cast<std::uint8_t>(direction)};
    const auto& side = held->second->row.side[direction];
    auto sum = policy_sum(&rows, &side, &question);
    return policy_decide(&sum, &side);
  }

  std::optional<PolicySideVerdict> side(const weft_peer& own, const weft_peer& peer, const PolicyQuery& query,
                                        weft_direction direction) const {
    if (own.subject == 0) return std::nullopt;
    PolicySideVerdict out{own.subject, {}, {}};
    if (auto reason = policy_exemption(&own, &peer, direction); reason != WEFT_REASON_NO_POLICY) {
      out.decision = policy_make_decision(0, WEFT_VERDICT_ALLOW, reason);
      return out;
    }
    out.decision = decide_for(own.subject, peer, query, direction);
    auto held = tables->subjects.find(own.subject);
    if (held != tables->subjects.end() && held->second->row.audit != 0)
      out.audit = decide_for(held->second->row.audit, peer, query, direction);
    return out;
  }
};

PolicyLookup::PolicyLookup(std::shared_ptr<const PolicyTables> tables) : state_(std::make_unique<State>()) {
  state_->tables = std::move(tables);
  state_->rows.reserve(state_->tables->row_count());
  for (const auto& [id, subject] : state_->tables->subjects)
    subject->for_each_row([&](const weft_policy_key& key, const weft_policy& row) { state_->rows.emplace(key, row); });
  state_->peers.insert(state_->tables->peers->begin(), state_->tables->peers->end());
}
PolicyLookup::~PolicyLookup() = default;

weft_peer PolicyLookup::peer_of(const IpAddress& address, std::uint16_t port, std::uint8_t protocol) const {
  auto find = [&](std::uint16_t number, std::uint8_t proto) {
    return state_->peers.find({to_abi(address), Be16::from_host(number).raw, proto, 0});
  };
  if (auto exact = port != 0 ? find(port, protocol) : state_->peers.end(); exact != state_->peers.end())
    return exact->second;
  if (auto whole = find(0, 0); whole != state_->peers.end()) return whole->second;
  weft_peer world{};
  world.network = state_->network_of(address);
  return world;
}

PolicyVerdict PolicyLookup::decide(const PolicyQuery& query) const {
  auto client = peer_of(query.client), server = peer_of(query.server, query.port, query.protocol);
  return {state_->side(client, server, query, WEFT_EGRESS), state_->side(server, client, query, WEFT_INGRESS)};
}

std::optional<PolicySideVerdict> PolicyLookup::decide_side(const weft_peer& own, const weft_peer& peer,
                                                           const PolicyQuery& query, weft_direction direction) const {
  return state_->side(own, peer, query, direction);
}

const PolicyTables& PolicyLookup::tables() const { return *state_->tables; }

}  // namespace weft
