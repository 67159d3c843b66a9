// networking.k8s.io/v1 NetworkPolicy. Absent and empty lists mean what Kubernetes says: no rules isolate, a rule
// without peers or without ports matches all of them, and absent policyTypes follow from the rules.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/model/decode_policy_parts.hpp"

namespace weft {
namespace {

PolicyPort decode_port(const JsonCursor& in) {
  PolicyPort out;
  in.refuse_unknown({"protocol", "port", "endPort"});
  out.protocol = decode_protocol(in);
  bool named = in.has("port") && in.value().at("port").is_string();
  if (named) {
    out.name = in.string("port");
    check_port_name(in, "port", out.name);
  } else if (in.has("port")) {
    decode_port_range(in, "port", "endPort", out);
  }
  if (in.has("endPort") && (named || !in.has("port")))
    in.problem(FindingCode::kFieldValue, "endPort", "needs a number in port");
  return out;
}

std::optional<NetworkBlock> decode_block(const JsonCursor& block) {
  block.refuse_unknown({"cidr", "except"});
  auto cidr = decode_cidr(block, "cidr", block.required_string("cidr"));
  if (!cidr) return std::nullopt;
  NetworkBlock out{*cidr, {}};
  auto excepts = block.items("except");
  check_count(block, "except", excepts.size(), kMostExcepts, "blocks");
  for (const auto& item : excepts) {
    auto text = item.as_string();
    auto except = text ? decode_cidr(item, {}, *text) : std::nullopt;
    if (except && (!cidr->contains(*except) || *except == *cidr))
      item.problem(FindingCode::kBadBlock, {}, fmt::format("{} is not a part of {}", except->text(), cidr->text()));
    if (except) out.except.push_back(*except);
  }
  return out;
}

std::optional<PolicyPeer> decode_peer(const JsonCursor& in) {
  in.refuse_unknown({"podSelector", "namespaceSelector", "ipBlock"});
  bool pods = in.has("podSelector") || in.has("namespaceSelector");
  if (pods == in.has("ipBlock")) {
    in.problem(FindingCode::kFieldValue, {},
               pods ? "has both a selector and an ipBlock; make two peers of them"
                    : "selects nobody; give it a podSelector, a namespaceSelector or an ipBlock ({} selects all pods)");
    return std::nullopt;
  }
  if (!pods) {
    auto block = in.object("ipBlock");
    return decode_block(block);
  }
  PodSelection out;
  if (in.has("namespaceSelector")) out.namespaces = decode_selector(in, "namespaceSelector");
  out.pods = decode_selector(in, "podSelector");
  return out;
}

PolicyRule decode_rule(const JsonCursor& in, std::string_view peers_key) {
  PolicyRule out;
  in.refuse_unknown({peers_key, "ports"});
  auto peers = in.objects(peers_key);
  auto ports = in.objects("ports");
  check_count(in, peers_key, peers.size(), kMostPeers, "peers");
  check_count(in, "ports", ports.size(), kMostPorts, "ports");
  out.any_peer = peers.empty();
  out.any_port = ports.empty();
  for (const auto& peer : peers)
    if (auto decoded = decode_peer(peer)) out.peers.push_back(std::move(*decoded));
  for (const auto& port : ports) out.ports.push_back(decode_port(port));
  return out;
}

void decode_side(const JsonCursor& spec, std::string_view key, std::string_view peers_key, PolicySide& out) {
  auto rules = spec.objects(key);
  check_count(spec, key, rules.size(), kMostRules, "rules");
  for (const auto& rule : rules) out.rules.push_back(decode_rule(rule, peers_key));
  if (out.applies || rules.empty()) return;
  spec.warning(FindingCode::kShadowedRule, key, "is not in policyTypes, so its rules do nothing");
  out.rules.clear();
}

void decode_types(const JsonCursor& spec, Policy& out) {
  auto types = spec.items("policyTypes");
  for (const auto& item : types) {
    auto type = item.as_string();
    bool known = type == "Ingress" || type == "Egress";
    if (type && !known)
      item.problem(FindingCode::kFieldValue, {}, "must be Ingress or Egress, not " + in_quotes(*type));
    out.ingress.applies = out.ingress.applies || type != "Egress";
    out.egress.applies = out.egress.applies || type != "Ingress";
  }
  if (!types.empty()) return;
  const auto& value = spec.value();
  bool names_egress = spec.has("egress") && !(value.at("egress").is_array() && value.at("egress").empty());
  out.ingress.applies = true;
  out.egress.applies = names_egress;
}

}  // namespace

NetworkPolicy decode_network_policy(const JsonCursor& object, Metadata metadata) {
  NetworkPolicy out;
  out.metadata = std::move(metadata);
  out.audit = decode_audit_mode(object);
  if (!object.has("spec")) object.problem(FindingCode::kFieldMissing, "spec", "is required");
  auto spec = object.object("spec");
  spec.refuse_unknown({"podSelector", "ingress", "egress", "policyTypes"});
  out.subject.pods = decode_selector(spec, "podSelector");
  decode_types(spec, out);
  decode_side(spec, "ingress", "from", out.ingress);
  decode_side(spec, "egress", "to", out.egress);
  return out;
}

}  // namespace weft
