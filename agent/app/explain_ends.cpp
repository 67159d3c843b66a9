#include "agent/app/explain_ends.hpp"

#include <algorithm>
#include <cstring>

#include "agent/model/endpoints.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

std::string object_text(ObjectKind kind, const Metadata& metadata) {
  return ObjectKey{kind, metadata.space, metadata.name}.text();
}

void local_first(std::vector<ExplainEnd>& ends) {
  std::stable_partition(ends.begin(), ends.end(),
                        [](const ExplainEnd& end) { return end.place == ExplainEnd::Place::kLocalPod; });
}

std::vector<IpAddress> all_addresses(const Service& service) {
  auto addresses = service.cluster_ips;
  addresses.insert(addresses.end(), service.external_ips.begin(), service.external_ips.end());
  return addresses;
}

}  // namespace

ExplainEnds::ExplainEnds(std::shared_ptr<const Snapshot> snapshot, std::shared_ptr<const Compiled> compiled,
                         NodeFacts facts)
    : snapshot_(std::move(snapshot)), compiled_(std::move(compiled)), facts_(std::move(facts)) {
  add_pods();
  add_services();
  snapshot_->nodes.for_each([&](const auto&, const std::shared_ptr<const Node>& node) {
    for (const auto& address : node->addresses)
      by_address_.try_emplace(address, ExplainEnd{address, 0, ExplainEnd::Place::kHost,
                                                  object_text(ObjectKind::kNode, node->metadata), node->metadata.name});
  });
  for (const auto& address : facts_.addresses)
    by_address_.try_emplace(address,
                            ExplainEnd{address, 0, ExplainEnd::Place::kHost, "Node " + facts_.name, facts_.name});
}

void ExplainEnds::add_pods() {
  snapshot_->pods.for_each([&](const NamespacedName& name, const std::shared_ptr<const Pod>& pod) {
    by_owner_[{name.first, pod->owner}].push_back(pod);
    if (!pod->running || pod->host_network) return;
    for (const auto& address : pod->addresses)
      if (pod->metadata.deleting)
        by_address_.try_emplace(address, end_of(*pod, address));
      else
        by_address_.insert_or_assign(address, end_of(*pod, address));
  });
  for (auto& [owner, pods] : by_owner_)
    std::sort(pods.begin(), pods.end(),
              [](const auto& a, const auto& b) { return a->metadata.name < b->metadata.name; });
  snapshot_->workloads.for_each([&](const NamespacedName&, const std::shared_ptr<const Workload>& workload) {
    for (auto& end : target_of(*workload).ends) by_address_.try_emplace(end.address, end);
  });
}

void ExplainEnds::add_services() {
  snapshot_->services.for_each([&](const NamespacedName&, const std::shared_ptr<const Service>& service) {
    for (const auto& address : all_addresses(*service)) services_.try_emplace(address, service);
  });
}

ExplainEnd ExplainEnds::end_of(const Pod& pod, const IpAddress& address) const {
  auto place = pod.host_network          ? ExplainEnd::Place::kHost
               : pod.node == facts_.name ? ExplainEnd::Place::kLocalPod
                                         : ExplainEnd::Place::kRemotePod;
  return {address, 0, place, object_text(ObjectKind::kPod, pod.metadata), pod.node};
}

ExplainEnd ExplainEnds::end_at(const IpAddress& address) const {
  if (auto it = by_address_.find(address); it != by_address_.end()) return it->second;
  return {address, 0, ExplainEnd::Place::kOutside, "", ""};
}

ExplainTarget ExplainEnds::target_of(const std::string& object,
                                     const std::vector<std::shared_ptr<const Pod>>& pods) const {
  ExplainTarget target{object, {}, nullptr, {}};
  for (const auto& pod : pods)
    if (pod->running)
      for (const auto& address : pod->addresses) target.ends.push_back(end_of(*pod, address));
  local_first(target.ends);
  return target;
}

ExplainTarget ExplainEnds::target_of(const Workload& workload) const {
  ExplainTarget target{object_text(ObjectKind::kWorkload, workload.metadata), {}, nullptr, {}};
  auto node = workload.node.empty() ? facts_.name : workload.node;
  auto addresses = workload.addresses;
  if (const auto* found = snapshot_->nodes.find({"", node}); addresses.empty() && found)
    addresses = (*found)->addresses;
  if (addresses.empty() && node == facts_.name) addresses = facts_.addresses;
  for (const auto& address : addresses)
    target.ends.push_back({address, 0, ExplainEnd::Place::kHost, target.object, node});
  return target;
}

ExplainTarget ExplainEnds::target_of(const std::shared_ptr<const Service>& service,
                                     std::vector<IpAddress> addresses) const {
  return {object_text(ObjectKind::kService, service->metadata), {}, service, std::move(addresses)};
}

std::optional<ExplainTarget> ExplainEnds::find(std::string_view text) const {
  if (auto address = IpAddress::parse(text)) {
    if (auto it = services_.find(*address); it != services_.end()) return target_of(it->second, {*address});
    auto end = end_at(*address);
    return ExplainTarget{end.object.empty() ? address->text() : end.object, {end}, nullptr, {}};
  }
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  NamespacedName name{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  if (const auto* pod = snapshot_->pods.find(name))
    return target_of(object_text(ObjectKind::kPod, (*pod)->metadata), {*pod});
  if (auto it = by_owner_.find(name); it != by_owner_.end())
    return target_of("workload " + name.first + "/" + name.second, it->second);
  if (const auto* workload = snapshot_->workloads.find(name)) return target_of(**workload);
  if (const auto* service = snapshot_->services.find(name)) return target_of(*service, (*service)->cluster_ips);
  return std::nullopt;
}

const EndpointSet* ExplainEnds::find_frontend(const NamespacedName& service, const IpAddress& address,
                                              std::uint16_t port, std::uint8_t protocol) const {
  const auto* compiled = compiled_->services.find(service);
  if (compiled == nullptr) return nullptr;
  for (const auto& frontend : (*compiled)->frontends)
    if (to_ip_address(frontend.key.address) == address && ntohs(frontend.key.port) == port &&
        frontend.key.protocol == protocol)
      return &(*compiled)->sets[frontend.set];
  return nullptr;
}

}  // namespace weft
