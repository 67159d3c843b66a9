#include "agent/model/policy_words.hpp"

#include <fmt/format.h>

namespace weft {
namespace {

std::string words_of(const LabelSelector::Requirement& r) {
  auto values = fmt::format("{}", fmt::join(r.values, ","));
  switch (r.op) {
    case LabelSelector::Operator::kIn:
      return r.values.size() == 1 ? r.key + "=" + values : fmt::format("{} in ({})", r.key, values);
    case LabelSelector::Operator::kNotIn:
      return r.values.size() == 1 ? r.key + "!=" + values : fmt::format("{} notin ({})", r.key, values);
    case LabelSelector::Operator::kExists:
      return r.key;
    case LabelSelector::Operator::kDoesNotExist:
      return "!" + r.key;
  }
  return {};
}

std::string words_of(const NetworkBlock& block) {
  auto out = block.cidr.text();
  for (const auto& except : block.except) out += (&except == &block.except.front() ? " except " : ",") + except.text();
  return out;
}

}  // namespace

std::string words_of(const LabelSelector& selector) {
  std::string out;
  for (const auto& requirement : selector.requirements) out += (out.empty() ? "" : ",") + words_of(requirement);
  return out.empty() ? "all" : out;
}

std::string words_of(const PodSelection& selection) {
  auto out = "pods " + words_of(selection.pods);
  return selection.namespaces ? out + " of namespaces " + words_of(*selection.namespaces) : out;
}

std::string words_of(const PolicyPeer& peer) {
  if (const auto* pods = std::get_if<PodSelection>(&peer)) return words_of(*pods);
  if (const auto* block = std::get_if<NetworkBlock>(&peer)) return words_of(*block);
  return "nodes " + words_of(std::get<NodeSelection>(peer).nodes);
}

std::string words_of(const PolicyPort& port) {
  auto protocol = port.protocol ? std::string(protocol_name(*port.protocol)) : std::string();
  if (!port.name.empty()) return protocol.empty() ? port.name : protocol + "/" + port.name;
  if (port.first == 0) return protocol;
  auto out = fmt::format("{}/{}", protocol, port.first);
  return port.first == port.last ? out : fmt::format("{}-{}", out, port.last);
}

}  // namespace weft
