#include "agent/compile/owners.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>

#include "agent/compile/abi.hpp"

namespace weft {
namespace {

using Claim = OwnerTable::Claim;
using Claims = OwnerTable::Claims;
using Rank = OwnerTable::Rank;

bool comes_before(const Claim& a, const Claim& b) {
  int by_key = std::memcmp(&a.key, &b.key, sizeof(a.key));
  if (by_key != 0) return by_key < 0;
  return std::tie(a.rank, a.object->space, a.object->name) < std::tie(b.rank, b.object->space, b.object->name);
}

bool is_ownable(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() && !address.is_multicast();
}

const NodePlace* node_of(const Workload& workload, const Topology& topology) {
  return workload.node.empty() ? &topology.local() : topology.find(workload.node);
}

bool has_process(const Workload::Process& process) {
  return !process.systemd_unit.empty() || !process.cgroup.empty() || process.uid.has_value();
}

// The claims of one object.
class Claimant {
 public:
  Claimant(const Topology& topology, NameGivers& givers, Claims& out)
      : topology_(topology), givers_(givers), out_(out) {}

  void pod(const Pod& pod) {
    if (!pod.running || pod.addresses.empty()) return;
    const auto& owner = pod.owner.empty() ? pod.metadata.name : pod.owner;
    claim_ = {{},
              {givers_.workload({pod.metadata.space, owner}), zone_of(topology_.find(pod.node)), 0},
              pod.metadata.deleting ? Rank::kDeletingPod : Rank::kPod,
              &pod.metadata};
    for (const auto& address : pod.addresses)
      if (pod.host_network)
        add_ports(address, pod.ports);
      else
        add(address, make_owner_key(address));
  }

  void workload(const Workload& workload) {
    const auto* node = node_of(workload, topology_);
    NamespacedName name{workload.metadata.space, workload.metadata.name};
    claim_ = {{}, {givers_.workload(name), zone_of(node), 0}, Rank::kWorkload, &workload.metadata};
    if (workload.addresses.empty() && node != nullptr)
      for (const auto& address : node->addresses) add_ports(address, workload.ports);
    for (const auto& address : workload.addresses) {
      add_ports(address, workload.ports);
      if (!topology_.is_node_address(address)) add(address, make_owner_key(address));
    }
  }

 private:
  void add(const IpAddress& address, const weft_owner_key& key) {
    claim_.key = key;
    if (is_ownable(address)) out_.push_back(claim_);
  }
  void add_ports(const IpAddress& address, const std::vector<NamedPort>& ports) {
    for (const auto& port : ports) add(address, make_owner_key(address, port.port, port.protocol));
  }
  std::uint16_t zone_of(const NodePlace* place) { return place ? givers_.zone(place->zone) : std::uint16_t{0}; }

  const Topology& topology_;
  NameGivers& givers_;
  Claims& out_;
  Claim claim_{};
};

// claims − gone + added.
Claims merge(const Claims& claims, Claims gone, Claims added) {
  std::sort(gone.begin(), gone.end(), comes_before);
  std::sort(added.begin(), added.end(), comes_before);
  Claims merged;
  merged.reserve(claims.size() + added.size());
  std::set_difference(claims.begin(), claims.end(), gone.begin(), gone.end(), std::back_inserter(merged), comes_before);
  auto middle = merged.insert(merged.end(), added.begin(), added.end());
  std::inplace_merge(merged.begin(), middle, merged.end(), comes_before);
  return merged;
}

}  // namespace

void OwnerTable::reset(const Topology& topology, NameGivers& givers) {
  static const Metadata kNobody;
  claims_.clear();
  pods_ = {};
  workloads_ = {};
  for (const auto& [address, node, declared] : topology.addresses())
    claims_.push_back({make_owner_key(address),
                       {WEFT_IDENTITY_HOST, givers.zone(node->zone), 0},
                       declared ? Rank::kNode : Rank::kInterface,
                       &kNobody});
  std::sort(claims_.begin(), claims_.end(), comes_before);
}

void OwnerTable::update(const Snapshot& snapshot, const Topology& topology, NameGivers& givers) {
  Claims gone, added;
  Claimant before(topology, givers, gone), now(topology, givers, added);
  snapshot.pods.for_each_touched(pods_, [&](const NamespacedName&, const auto* old, const auto* young) {
    if (old && young && *old == *young) return;
    if (old) before.pod(**old);
    if (young) now.pod(**young);
  });
  snapshot.workloads.for_each_touched(workloads_, [&](const NamespacedName&, const auto* old, const auto* young) {
    if (old && young && *old == *young) return;
    if (old) before.workload(**old);
    if (young) now.workload(**young);
  });
  claims_ = merge(claims_, std::move(gone), std::move(added));
  pods_ = snapshot.pods;
  workloads_ = snapshot.workloads;
}

std::vector<OwnerRow> OwnerTable::rows() const {
  std::vector<OwnerRow> rows;
  rows.reserve(claims_.size());
  for (const auto& claim : claims_)
    if (rows.empty() || !bytes_equal(rows.back().first, claim.key)) rows.emplace_back(claim.key, claim.row);
  return rows;
}

std::vector<ProcessOwner> compile_processes(const Snapshot& snapshot, const Topology& topology, NameGivers& givers) {
  std::map<NamespacedName, const Workload*> here;
  snapshot.workloads.for_each([&](const NamespacedName& name, const std::shared_ptr<const Workload>& workload) {
    bool is_here = workload->node.empty() || workload->node == topology.local().name;
    if (is_here && has_process(workload->process)) here.emplace(name, workload.get());
  });
  std::vector<ProcessOwner> owners;
  for (const auto& [name, workload] : here) owners.push_back({workload->process, givers.workload(name)});
  return owners;
}

}  // namespace weft
