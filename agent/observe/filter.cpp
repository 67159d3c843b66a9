#include "agent/observe/filter.hpp"

#include <strings.h>

#include <algorithm>

namespace weft {
namespace {

bool same_word(std::string_view one, std::string_view other) {
  return one.size() == other.size() && ::strncasecmp(one.data(), other.data(), one.size()) == 0;
}

// A value with a slash means namespace/name; without, the name in any namespace.
bool name_matches(std::string_view glob, const NamespacedName& name) {
  if (glob_matches(glob, name.second)) return true;
  return !name.first.empty() && glob_matches(glob, name_text(name));
}

bool pod_matches(std::string_view glob, const FlowEnd& end) {
  if (!end.pod) return false;
  if (glob_matches(glob, *end.pod)) return true;
  return end.workload && glob_matches(glob, end.workload->first + "/" + *end.pod);
}

bool port_matches(std::string_view glob, const Flow& flow) {
  if (glob_matches(glob, std::to_string(flow.destination.address.port))) return true;
  return flow.service_address && glob_matches(glob, std::to_string(flow.service_address->port));
}

bool namespace_matches(std::string_view glob, const FlowEnd& end) {
  return end.workload && glob_matches(glob, end.workload->first);
}

bool zone_matches(std::string_view glob, const FlowEnd& end) {
  return end.place && glob_matches(glob, end.place->zone);
}

bool in_cidr(const IpAddress& address, const IpAddress& network, unsigned bits) {
  for (unsigned i = 0; i < 16 && bits > 0; ++i) {
    unsigned take = std::min(bits, 8u);
    auto mask = static_cast<std::uint8_t>(0xff00u >> take);
    if ((address.bytes[i] & mask) != (network.bytes[i] & mask)) return false;
    bits -= take;
  }
  return true;
}

}  // namespace

bool glob_matches(std::string_view glob, std::string_view text) {
  std::size_t g = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (g < glob.size() && glob[g] == '*') {
      star = g++;
      mark = t;
    } else if (g < glob.size() && (glob[g] == '?' || glob[g] == text[t])) {
      ++g, ++t;
    } else if (star != std::string_view::npos) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (g < glob.size() && glob[g] == '*') ++g;
  return g == glob.size();
}

bool Filter::matches(const Flow& flow) const {
  return nodes_.empty() || evaluate(static_cast<std::uint32_t>(nodes_.size() - 1), flow);
}

bool Filter::evaluate(std::uint32_t index, const Flow& flow) const {
  const Node& node = nodes_[index];
  switch (node.op) {
    case Op::kAnd:
      return evaluate(node.left, flow) && evaluate(node.right, flow);
    case Op::kOr:
      return evaluate(node.left, flow) || evaluate(node.right, flow);
    case Op::kNot:
      return !evaluate(node.left, flow);
    case Op::kTerm:
      return term_matches(node, flow);
  }
  return false;
}

bool Filter::term_matches(const Node& node, const Flow& flow) {
  return std::any_of(node.values.begin(), node.values.end(),
                     [&](const Value& value) { return value_matches(node.key, value, flow); });
}

bool Filter::end_matches(const Value& value, const FlowEnd& end) {
  if (value.cidr) return in_cidr(end.address.address, value.cidr->address, value.cidr->bits);
  if (end.workload && name_matches(value.glob, *end.workload)) return true;
  return pod_matches(value.glob, end) || glob_matches(value.glob, end.address.address.text());
}

bool Filter::value_matches(Key key, const Value& value, const Flow& flow) {
  const auto& glob = value.glob;
  const auto& [source, destination] = std::tie(flow.source, flow.destination);
  auto matches_key = [&](Key other) { return value_matches(other, value, flow); };
  switch (key) {
    case Key::kAny:
      return matches_key(Key::kSource) || matches_key(Key::kDestination) || matches_key(Key::kService) ||
             matches_key(Key::kProtocol) || matches_key(Key::kKind) || matches_key(Key::kVerdict) ||
             matches_key(Key::kReason) || matches_key(Key::kPolicy) || matches_key(Key::kUnit);
    case Key::kSource:
      return end_matches(value, source);
    case Key::kDestination:
      return end_matches(value, destination);
    case Key::kNamespace:
      return namespace_matches(glob, source) || namespace_matches(glob, destination);
    case Key::kPod:
      return pod_matches(glob, source) || pod_matches(glob, destination);
    case Key::kService:
      if (value.cidr)
        return flow.service_address && in_cidr(flow.service_address->address, value.cidr->address, value.cidr->bits);
      return flow.service && name_matches(glob, *flow.service);
    case Key::kPort:
      return port_matches(glob, flow);
    case Key::kProtocol:
      return same_word(glob, protocol_text(flow.protocol));
    case Key::kKind:
      return glob_matches(glob, flow_kind_name(flow.kind));
    case Key::kVerdict:
      return glob_matches(glob, flow_verdict_name(flow.verdict));
    case Key::kReason:
      return glob_matches(glob, flow.reason) && !flow.reason.empty();
    case Key::kPolicy:
      return flow.policy && name_matches(glob, flow.policy->policy);
    case Key::kRule:
      return flow.policy && glob_matches(glob, flow.policy->rule);
    case Key::kDirection:
      return !flow.direction.empty() && glob_matches(glob, flow.direction);
    case Key::kZone:
      return zone_matches(glob, source) || zone_matches(glob, destination);
    case Key::kUnit:
      return flow.process && !flow.process->unit.empty() && glob_matches(glob, flow.process->unit);
    case Key::kReporter:
      return glob_matches(glob, reporter_name(flow.reporter));
  }
  return false;
}

}  // namespace weft
