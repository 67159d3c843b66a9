#include "agent/compile/owners.hpp"

#include <algorithm>

#include "agent/compile/abi.hpp"

namespace weft {
namespace {

enum class Rank : std::uint8_t { kNode, kPod, kDeletingPod, kWorkload };

struct Candidate {
  weft_owner_key key;
  Rank rank;
  weft_owner row;
  const NamespacedName* object;
};

bool comes_before(const Candidate& a, const Candidate& b) {
  int by_key = std::memcmp(&a.key, &b.key, sizeof(a.key));
  if (by_key != 0) return by_key < 0;
  if (a.rank != b.rank) return a.rank < b.rank;
  return *a.object < *b.object;
}

bool is_ownable(const IpAddress& address) {
  return !address.is_unspecified() && !address.is_loopback() && !address.is_multicast();
}

class OwnerList {
 public:
  OwnerList(const Topology& topology, NameGivers& givers) : topology_(topology), givers_(givers) {}

  void reserve(std::size_t most) { candidates_.reserve(most); }

  void add_nodes() {
    static const NamespacedName kNobody;
    for (const auto& [address, node] : topology_.addresses())
      candidates_.push_back(
          {make_owner_key(address), Rank::kNode, {WEFT_IDENTITY_HOST, givers_.zone(node->zone), 0}, &kNobody});
  }

  void add_pod(const NamespacedName& name, const Pod& pod) {
    if (!pod.running || pod.addresses.empty()) return;
    auto rank = pod.metadata.deleting ? Rank::kDeletingPod : Rank::kPod;
    const auto& owner = pod.owner.empty() ? pod.metadata.name : pod.owner;
    weft_owner row{givers_.workload({pod.metadata.space, owner}), zone_of(pod.node), 0};
    for (const auto& address : pod.addresses)
      if (pod.host_network)
        add_ports(address, pod.ports, rank, row, name);
      else
        add(make_owner_key(address), address, rank, row, name);
  }

  void add_workload(const NamespacedName& name, const Workload& workload) {
    const auto* node = node_of(workload);
    weft_owner row{givers_.workload(name), node ? givers_.zone(node->zone) : std::uint16_t{0}, 0};
    if (workload.addresses.empty() && node)
      for (const auto& address : node->addresses) add_ports(address, workload.ports, Rank::kWorkload, row, name);
    for (const auto& address : workload.addresses) {
      add_ports(address, workload.ports, Rank::kWorkload, row, name);
      if (!topology_.is_node_address(address)) add(make_owner_key(address), address, Rank::kWorkload, row, name);
    }
  }

  std::vector<OwnerRow> take() && {
    std::sort(candidates_.begin(), candidates_.end(), comes_before);
    std::vector<OwnerRow> rows;
    rows.reserve(candidates_.size());
    for (const auto& candidate : candidates_)
      if (rows.empty() || !bytes_equal(rows.back().first, candidate.key)) rows.emplace_back(candidate.key, candidate.row);
    return rows;
  }

 private:
  void add(const weft_owner_key& key, const IpAddress& address, Rank rank, const weft_owner& row,
           const NamespacedName& object) {
    if (is_ownable(address)) candidates_.push_back({key, rank, row, &object});
  }

  void add_ports(const IpAddress& address, const std::vector<NamedPort>& ports, Rank rank, const weft_owner& row,
                 const NamespacedName& object) {
    for (const auto& port : ports) add(make_owner_key(address, port.port, port.protocol), address, rank, row, object);
  }

  std::uint16_t zone_of(const std::string& node) {
    const auto* place = topology_.find(node);
    return place ? givers_.zone(place->zone) : std::uint16_t{0};
  }

  const NodePlace* node_of(const Workload& workload) const {
    return workload.node.empty() ? &topology_.local() : topology_.find(workload.node);
  }

  const Topology& topology_;
  NameGivers& givers_;
  std::vector<Candidate> candidates_;
};

using WorkloadRef = std::pair<const NamespacedName*, const Workload*>;

// In the order of their names, so that ids do not depend on hash order.
std::vector<WorkloadRef> sorted_workloads(const Snapshot& snapshot) {
  std::vector<WorkloadRef> list;
  list.reserve(snapshot.workloads.size());
  snapshot.workloads.for_each([&](const NamespacedName& name, const auto& workload) { list.push_back({&name, workload.get()}); });
  std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) { return *a.first < *b.first; });
  return list;
}

bool has_process(const Workload::Process& process) {
  return !process.systemd_unit.empty() || !process.cgroup.empty() || process.uid.has_value();
}

}  // namespace

std::vector<OwnerRow> compile_owners(const Snapshot& snapshot, const Topology& topology, NameGivers& givers) {
  OwnerList list(topology, givers);
  list.reserve(topology.addresses().size() + snapshot.pods.size() + 2 * snapshot.workloads.size());
  list.add_nodes();
  snapshot.pods.for_each([&](const NamespacedName& name, const auto& pod) { list.add_pod(name, *pod); });
  for (const auto& [name, workload] : sorted_workloads(snapshot)) list.add_workload(*name, *workload);
  return std::move(list).take();
}

std::vector<ProcessOwner> compile_processes(const Snapshot& snapshot, const Topology& topology, NameGivers& givers) {
  std::vector<ProcessOwner> owners;
  for (const auto& [name, workload] : sorted_workloads(snapshot)) {
    bool is_here = workload->node.empty() || workload->node == topology.local().name;
    if (is_here && has_process(workload->process)) owners.push_back({workload->process, givers.workload(*name)});
  }
  return owners;
}

}  // namespace weft
