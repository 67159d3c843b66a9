#include "agent/compile/policy_peers.hpp"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

namespace weft {
namespace {

enum class Rank : std::uint8_t { kNode, kPod, kDeletingPod, kWorkload, kInterface };

struct Claim {
  weft_peer_key key;
  Rank rank;
  weft_peer row;
};

bool comes_before(const Claim& a, const Claim& b) {
  int by_key = std::memcmp(&a.key, &b.key, sizeof(a.key));
  if (by_key != 0) return by_key < 0;
  if (a.rank != b.rank) return a.rank < b.rank;
  bool a_is_subject = a.row.subject != 0, b_is_subject = b.row.subject != 0;
  return a_is_subject != b_is_subject ? a_is_subject : a.row.owner < b.row.owner;
}

Rank rank_of(const PolicyMember& member) {
  switch (member.kind) {
    case PolicyMember::Kind::kNode:
      return Rank::kNode;
    case PolicyMember::Kind::kPod:
      return member.deleting ? Rank::kDeletingPod : Rank::kPod;
    case PolicyMember::Kind::kWorkload:
      return Rank::kWorkload;
  }
  return Rank::kInterface;
}

bool is_ownable(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() && !address.is_multicast();
}

class PeerMaker {
 public:
  PeerMaker(const PolicyClasses::Members& members, const NodeFacts& facts, const PolicyNetworks& networks,
            const FindSubject& subject_of)
      : members_(members), facts_(facts), networks_(networks), subject_of_(subject_of) {}

  std::vector<PeerRow> make() {
    claims_.reserve(members_.size() + facts_.addresses.size());
    own_addresses();
    for (const auto& [key, member] : members_)
      if (member.kind == PolicyMember::Kind::kWorkload)
        workload(member);
      else
        addresses(member);
    std::ranges::sort(claims_, comes_before);
    return settle();
  }

 private:
  void own_addresses() {
    for (const auto& address : facts_.addresses) {
      if (!is_ownable(address)) continue;
      nodes_.insert(address);
      weft_peer row{};
      row.network = networks_.network_of(address);
      row.flags = WEFT_PEER_NODE | WEFT_PEER_LOCAL_NODE;
      claims_.push_back({{to_abi(address), 0, 0, 0}, Rank::kInterface, row});
    }
    for (const auto& [key, member] : members_)
      if (member.kind == PolicyMember::Kind::kNode) nodes_.insert(member.addresses.begin(), member.addresses.end());
  }

  weft_peer row_of(const PolicyMember& member, const PeerClass& peer, const IpAddress& address) const {
    weft_peer row{};
    row.identity = peer.identity;
    row.network = networks_.network_of(address);
    row.owner = member.owner;
    bool local = is_local(member, facts_);
    if (member.kind == PolicyMember::Kind::kNode) {
      row.flags = static_cast<std::uint16_t>(WEFT_PEER_NODE | (local ? WEFT_PEER_LOCAL_NODE : 0));
    } else if (local) {
      row.subject = subject_of_(member);
      row.flags = WEFT_PEER_LOCAL;
    }
    if (member.kind == PolicyMember::Kind::kWorkload) row.flags |= WEFT_PEER_PROCESS;
    return row;
  }

  void addresses(const PolicyMember& member) {
    for (std::size_t i = 0; i < member.addresses.size(); ++i)
      claims_.push_back({{to_abi(member.addresses[i]), 0, 0, 0},
                         rank_of(member),
                         row_of(member, *member.classes[i], member.addresses[i])});
  }

  // Workloads on an address of a node have their ports of it; others have the whole address too.
  void workload(const PolicyMember& member) {
    for (std::size_t i = 0; i < member.addresses.size(); ++i)
      whole_and_ports(member, *member.classes[i], member.addresses[i]);
    if (!member.addresses.empty()) return;
    if (is_local(member, facts_))
      for (const auto& address : facts_.addresses) ports(member, *member.classes[0], address);
    auto node = members_.find({PolicyMember::Kind::kNode, {"", member.node}});
    if (!is_local(member, facts_) && node != members_.end())
      for (const auto& address : node->second.addresses) ports(member, *member.classes[0], address);
  }

  void whole_and_ports(const PolicyMember& member, const PeerClass& peer, const IpAddress& address) {
    if (!nodes_.contains(address))
      claims_.push_back({{to_abi(address), 0, 0, 0}, Rank::kWorkload, row_of(member, peer, address)});
    ports(member, peer, address);
  }

  void ports(const PolicyMember& member, const PeerClass& peer, const IpAddress& address) {
    if (!is_ownable(address)) return;
    auto row = row_of(member, peer, address);
    for (const auto& port : *member.ports)
      claims_.push_back({{to_abi(address), Be16::from_host(port.port).raw, static_cast<std::uint8_t>(port.protocol), 0},
                         Rank::kWorkload,
                         row});
  }

  // The keys of an address lie together, the one of the whole address first.
  std::vector<PeerRow> settle() const {
    std::vector<PeerRow> rows;
    rows.reserve(claims_.size());
    for (std::size_t i = 0; i < claims_.size();) {
      std::size_t next = i + 1;
      bool contested = false, own = false;
      for (; next < claims_.size() && bytes_equal(claims_[next].key, claims_[i].key); ++next) {
        contested =
            contested || (claims_[next].rank == claims_[i].rank && claims_[next].row.owner != claims_[i].row.owner);
        own = own || (claims_[next].row.flags & WEFT_PEER_LOCAL_NODE) != 0;
      }
      rows.emplace_back(claims_[i].key, claims_[i].row);
      if (own && claims_[i].rank == Rank::kNode) rows.back().second.flags |= WEFT_PEER_LOCAL_NODE;
      if (contested) rows.back().second.identity = 0, rows.back().second.flags |= WEFT_PEER_CONTESTED;
      i = next;
    }
    std::unordered_map<IpAddress, bool> has_ports;
    for (const auto& [key, row] : rows)
      if (key.port != 0) has_ports[from_abi(key.address)] = true;
    for (auto& [key, row] : rows)
      if (key.port == 0 && has_ports.contains(from_abi(key.address))) row.flags |= WEFT_PEER_PORTS;
    return rows;
  }

  const PolicyClasses::Members& members_;
  const NodeFacts& facts_;
  const PolicyNetworks& networks_;
  const FindSubject& subject_of_;
  std::unordered_set<IpAddress> nodes_;
  std::vector<Claim> claims_;
};

}  // namespace

bool is_local(const PolicyMember& member, const NodeFacts& facts) {
  switch (member.kind) {
    case PolicyMember::Kind::kNode:
      return member.name.second == facts.name;
    case PolicyMember::Kind::kPod:
      return member.node == facts.name;
    case PolicyMember::Kind::kWorkload:
      return member.node.empty() || member.node == facts.name;
  }
  return false;
}

std::vector<PeerRow> make_peer_rows(const PolicyClasses::Members& members, const NodeFacts& facts,
                                    const PolicyNetworks& networks, const FindSubject& subject_of) {
  return PeerMaker(members, facts, networks, subject_of).make();
}

std::vector<ProcessSubject> make_process_subjects(const PolicyClasses::Members& members, const NodeFacts& facts,
                                                  const FindSubject& subject_of) {
  std::vector<ProcessSubject> out;
  for (const auto& [key, member] : members) {
    if (member.workload == nullptr || !is_local(member, facts)) continue;
    const auto& process = member.workload->process;
    if (process.systemd_unit.empty() && process.cgroup.empty() && !process.uid) continue;
    out.push_back({process, member.name, member.classes[0]->identity, subject_of(member)});
  }
  return out;
}

}  // namespace weft
