#include "agent/compile/policy_suggest.hpp"

#include <fmt/format.h>

#include "agent/compile/policy_yaml.hpp"

namespace weft {
namespace {

constexpr std::size_t kLongestName = 200;  // of 253 that the API allows

std::string block_of(const IpAddress& address) {
  return fmt::format("\"{}/{}\"", address.text(), address.is_v4() ? 32 : 128);
}

// Both sides of a connection may need a rule, in one namespace: their names differ.
std::string name_of(const PolicyCase& what) {
  auto peer = what.peer.kind == PolicyEnd::Kind::kWorld ? "address" : what.peer.name.second;
  const auto& own = what.subject.name.second;
  auto name = what.direction == WEFT_INGRESS ? fmt::format("allow-{}-to-{}", peer, own)
                                             : fmt::format("allow-{}-to-{}-egress", own, peer);
  name.resize(std::min(name.size(), kLongestName));
  while (name.ends_with('-') || name.ends_with('.')) name.pop_back();
  return name;
}

std::string network_peer(const PolicyCase& what) {
  if (what.peer.kind != PolicyEnd::Kind::kWorkload)
    return fmt::format("    - ipBlock: {{cidr: {}}}\n", block_of(what.peer.address));
  std::string spaces;
  if (what.peer.name.first != what.subject.name.first)
    spaces = fmt::format("      namespaceSelector: {}\n", space_selector_words(what.peer.name.first));
  return fmt::format("    - podSelector: {}\n{}", selector_words(what.peer.labels), spaces);
}

std::string cluster_peer(const PolicyCase& what) {
  if (what.peer.kind != PolicyEnd::Kind::kWorkload)
    return fmt::format("    - networks: [{}]\n", block_of(what.peer.address));
  return fmt::format("    - pods: {{namespaceSelector: {}, podSelector: {}}}\n",
                     space_selector_words(what.peer.name.first), selector_words(what.peer.labels));
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(c | 0x20);
  return out;
}

}  // namespace

std::string suggest_network_policy(const PolicyCase& what) {
  bool ingress = what.direction == WEFT_INGRESS;
  auto out = fmt::format(
      "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {}, namespace: {}}}\nspec:\n"
      "  podSelector: {}\n  policyTypes: [{}]\n  {}:\n  - {}:\n{}",
      name_of(what), what.subject.name.first, selector_words(what.subject.labels), ingress ? "Ingress" : "Egress",
      ingress ? "ingress" : "egress", ingress ? "from" : "to", network_peer(what));
  if (has_ports(what.protocol))
    out += fmt::format("    ports: [{{protocol: {}, port: {}}}]\n", protocol_name(static_cast<Protocol>(what.protocol)),
                       what.port);
  return out;
}

std::string suggest_cluster_policy(const PolicyCase& what, const Policy& denying) {
  bool ingress = what.direction == WEFT_INGRESS;
  if (denying.priority == 0 || (ingress && what.peer.kind != PolicyEnd::Kind::kWorkload)) return {};
  auto out = fmt::format(
      "apiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: {}}}\nspec:\n"
      "  tier: {}\n  priority: {}\n  subject: {{pods: {{namespaceSelector: {}, podSelector: {}}}}}\n  {}:\n"
      "  - action: Accept\n    {}:\n{}",
      name_of(what), tier_name(denying.tier), denying.priority - 1, space_selector_words(what.subject.name.first),
      selector_words(what.subject.labels), ingress ? "ingress" : "egress", ingress ? "from" : "to", cluster_peer(what));
  if (has_ports(what.protocol))
    out += fmt::format("    protocols: [{{{}: {{destinationPort: {{number: {}}}}}}}]\n",
                       lower(protocol_name(static_cast<Protocol>(what.protocol))), what.port);
  return out;
}

}  // namespace weft
