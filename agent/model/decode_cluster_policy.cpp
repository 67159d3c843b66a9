// policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy. Lists of peers and protocols must not be empty; a peer that
// weft does not know makes an Accept rule match nothing (the API's "fail closed").
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/model/decode_policy_parts.hpp"

namespace weft {
namespace {

constexpr std::size_t kMostClusterRules = 25;  // these bounds are the API's
constexpr std::size_t kMostClusterPeers = 25;
constexpr std::size_t kMostProtocols = 25;
constexpr std::size_t kMostNetworks = 25;
constexpr std::size_t kLongestRuleName = 100;
constexpr std::int64_t kLastPriority = 1000;

// The only member of a map that must have exactly one; empty when it has none or several.
std::string only_member(const JsonCursor& in, std::initializer_list<std::string_view> known) {
  in.refuse_unknown(known);
  std::string found;
  int count = 0;
  for (auto key : known)
    if (in.has(key)) found = key, ++count;
  if (count == 1) return found;
  in.problem(FindingCode::kFieldValue, {}, fmt::format("must have exactly one of {}", fmt::join(known, ", ")));
  return {};
}

PodSelection decode_pods(const JsonCursor& parent) {
  auto in = parent.object("pods");
  in.refuse_unknown({"namespaceSelector", "podSelector"});
  if (!in.has("podSelector")) in.problem(FindingCode::kFieldMissing, "podSelector", "is required; {} selects all pods");
  return {decode_selector(in, "namespaceSelector"), decode_selector(in, "podSelector")};
}

PodSelection decode_namespaces(const JsonCursor& parent) { return {decode_selector(parent, "namespaces"), {}}; }

void decode_networks(const JsonCursor& peer, std::vector<PolicyPeer>& out) {
  auto networks = peer.items("networks");
  check_count(peer, "networks", networks.size(), kMostNetworks, "blocks");
  if (networks.empty()) peer.problem(FindingCode::kFieldMissing, "networks", "must have at least one block");
  for (const auto& item : networks)
    if (auto text = item.as_string())
      if (auto cidr = decode_cidr(item, {}, *text)) out.emplace_back(NetworkBlock{*cidr, {}});
}

void decode_peer(const JsonCursor& in, bool egress, const PolicyRule& rule, std::vector<PolicyPeer>& out) {
  auto kind = egress ? only_member(in, {"namespaces", "pods", "nodes", "networks", "domainNames"})
                     : only_member(in, {"namespaces", "pods"});
  if (kind == "namespaces") out.emplace_back(decode_namespaces(in));
  if (kind == "pods") out.emplace_back(decode_pods(in));
  if (kind == "nodes") out.emplace_back(NodeSelection{decode_selector(in, "nodes")});
  if (kind == "networks") decode_networks(in, out);
  if (kind != "domainNames") return;
  if (rule.action == RuleAction::kAccept)
    in.warning(FindingCode::kUnsupported, "domainNames", "are not learnt by this version: the peer matches nothing");
  else
    in.problem(FindingCode::kFieldValue, "domainNames", "are for Accept rules only");
}

// `tcp: {}` is refused by the API: one that wants every port says no more than the protocol needs to.
void decode_transport(const JsonCursor& in, Protocol protocol, std::string_view key, PolicyPort& out) {
  out.protocol = protocol;
  auto transport = in.object(key);
  transport.refuse_unknown({"destinationPort"});
  auto port = transport.object("destinationPort");
  if (!transport.has("destinationPort"))
    return transport.problem(FindingCode::kFieldMissing, "destinationPort", "is required");
  auto kind = only_member(port, {"number", "range"});
  if (kind == "number") out.first = out.last = decode_port_number(port, "number");
  if (kind != "range") return;
  auto range = port.object("range");
  range.refuse_unknown({"start", "end"});
  if (!range.has("end")) range.problem(FindingCode::kFieldMissing, "end", "is required");
  decode_port_range(range, "start", "end", out);
}

PolicyPort decode_protocol_match(const JsonCursor& in) {
  PolicyPort out;
  auto kind = only_member(in, {"tcp", "udp", "sctp", "destinationNamedPort"});
  if (kind == "tcp") decode_transport(in, Protocol::kTcp, kind, out);
  if (kind == "udp") decode_transport(in, Protocol::kUdp, kind, out);
  if (kind == "sctp") decode_transport(in, Protocol::kSctp, kind, out);
  if (kind == "destinationNamedPort") {
    out.name = in.string("destinationNamedPort");
    check_port_name(in, "destinationNamedPort", out.name);
  }
  return out;
}

RuleAction decode_action(const JsonCursor& in) {
  auto action = in.required_string("action");
  if (action == "Accept") return RuleAction::kAccept;
  if (action == "Pass") return RuleAction::kPass;
  if (!action.empty() && action != "Deny")
    in.problem(FindingCode::kFieldValue, "action", "must be Accept, Deny or Pass, not " + in_quotes(action));
  return RuleAction::kDeny;
}

std::string decode_rule_name(const JsonCursor& in) {
  auto name = in.string("name");
  if (name.size() > kLongestRuleName || printable(name) != name)
    in.problem(FindingCode::kBadName, "name",
               fmt::format("must be at most {} bytes without control characters", kLongestRuleName));
  return name;
}

void refuse_ports_without_names(const JsonCursor& in, const PolicyRule& rule) {
  auto has_no_names = [](const PolicyPeer& peer) { return !std::holds_alternative<PodSelection>(peer); };
  bool named = std::ranges::any_of(rule.ports, [](const PolicyPort& port) { return !port.name.empty(); });
  if (named && std::ranges::any_of(rule.peers, has_no_names))
    in.problem(FindingCode::kFieldValue, "protocols",
               "name a port, which nodes and networks do not have; make two rules");
}

PolicyRule decode_rule(const JsonCursor& in, bool egress) {
  PolicyRule out;
  std::string_view peers_key = egress ? "to" : "from";
  in.refuse_unknown({"name", "action", peers_key, "protocols"});
  out.name = decode_rule_name(in);
  out.action = decode_action(in);
  auto peers = in.objects(peers_key);
  check_count(in, peers_key, peers.size(), kMostClusterPeers, "peers");
  if (peers.empty()) in.problem(FindingCode::kFieldMissing, peers_key, "must have at least one peer");
  for (const auto& peer : peers) decode_peer(peer, egress, out, out.peers);
  auto protocols = in.objects("protocols");
  check_count(in, "protocols", protocols.size(), kMostProtocols, "entries");
  if (in.has("protocols") && protocols.empty())
    in.problem(FindingCode::kFieldMissing, "protocols", "must have at least one entry, or be absent for all traffic");
  out.any_port = !in.has("protocols");
  for (const auto& protocol : protocols) out.ports.push_back(decode_protocol_match(protocol));
  refuse_ports_without_names(in, out);
  return out;
}

void decode_side(const JsonCursor& spec, std::string_view key, PolicySide& out) {
  auto rules = spec.objects(key);
  check_count(spec, key, rules.size(), kMostClusterRules, "rules");
  for (const auto& rule : rules) out.rules.push_back(decode_rule(rule, key == "egress"));
  out.applies = spec.has(key) && !(spec.value().at(key).is_array() && rules.empty());
}

PodSelection decode_subject(const JsonCursor& spec) {
  auto subject = spec.object("subject");
  if (!spec.has("subject")) spec.problem(FindingCode::kFieldMissing, "subject", "is required");
  if (!subject.present()) return {LabelSelector(), {}};
  auto kind = only_member(subject, {"namespaces", "pods"});
  return kind == "pods" ? decode_pods(subject) : decode_namespaces(subject);
}

PolicyTier decode_tier(const JsonCursor& spec) {
  auto tier = spec.required_string("tier");
  if (!tier.empty() && tier != "Admin" && tier != "Baseline")
    spec.problem(FindingCode::kFieldValue, "tier", "must be Admin or Baseline, not " + in_quotes(tier));
  return tier == "Admin" ? PolicyTier::kAdmin : PolicyTier::kBaseline;
}

}  // namespace

ClusterNetworkPolicy decode_cluster_policy(const JsonCursor& object, Metadata metadata) {
  ClusterNetworkPolicy out;
  out.metadata = std::move(metadata);
  out.audit = decode_audit_mode(object);
  if (!object.has("spec")) object.problem(FindingCode::kFieldMissing, "spec", "is required");
  auto spec = object.object("spec");
  spec.refuse_unknown({"tier", "priority", "subject", "ingress", "egress"});
  out.tier = decode_tier(spec);
  auto priority = spec.required_integer("priority", 0, kLastPriority);
  out.priority = static_cast<std::uint16_t>(priority.value_or(kLastPriority));
  out.subject = decode_subject(spec);
  decode_side(spec, "ingress", out.ingress);
  decode_side(spec, "egress", out.egress);
  return out;
}

}  // namespace weft
