#include "agent/compile/policy_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace weft {
namespace {

std::string action_text(std::uint8_t action) {
  static constexpr std::array<std::string_view, 4> names{"none", "Accept", "Deny", "Pass"};
  return std::string(names.at(action));
}

std::string protocol_text(std::uint8_t protocol) {
  return protocol == 0 ? "any" : std::string(protocol_name(static_cast<Protocol>(protocol)));
}

std::string ports_text(const SubjectTable::TemplateRow& row) {
  static constexpr std::array<std::uint32_t, WEFT_SHAPE_COUNT> sizes{0, 0, 4096, 256, 16, 1};
  auto size = sizes.at(row.kind & 0xF);
  auto first = Be16{row.port}.host();
  if (size == 0) return protocol_text(row.protocol);
  if (size == 1) return fmt::format("{}/{}", protocol_text(row.protocol), first);
  return fmt::format("{}/{}-{}", protocol_text(row.protocol), first, first + size - 1);
}

class Writer {
 public:
  explicit Writer(const PolicyTables& tables) : tables_(tables) {
    for (const auto& [key, row] : *tables.peers) {
      auto name = address_text(key);
      if (row.identity != 0) peers_[row.identity].insert(name);
      if (row.network != 0) peers_[row.network].insert(name);
      if (row.subject != 0) workloads_[row.subject].insert(name);
    }
    for (const auto& [key, row] : *tables.networks)
      if (row.network != 0) peers_[row.network].insert(network_text(key));
    for (const auto& process : tables.processes) {
      auto name = fmt::format("process {}/{}", process.workload.first, process.workload.second);
      if (process.identity != 0) peers_[process.identity].insert(name);
      if (process.subject != 0) workloads_[process.subject].insert(name);
    }
  }

  std::string all() const {
    std::string out;
    std::set<std::string> subjects;
    for (const auto& [id, names] : workloads_) subjects.insert(subject_text(id, names));
    for (const auto& text : subjects) out += text;
    out += "peers\n";
    std::set<std::string> rows;
    for (const auto& row : *tables_.peers) rows.insert(peer_row_text(row));
    for (const auto& text : rows) out += text;
    out += "networks\n";
    for (const auto& [key, row] : *tables_.networks)
      out += fmt::format("  {}{}\n", network_text(key), row.network == 0 ? " none" : "");
    return out;
  }

 private:
  static std::string address_text(const weft_peer_key& key) {
    auto address = from_abi(key.address);
    if (key.port == 0) return address.text();
    return fmt::format("{}/{}", SocketAddress{address, Be16{key.port}.host()}.text(), protocol_text(key.protocol));
  }

  static std::string network_text(const weft_network_key& key) {
    return Cidr{from_abi(key.address), static_cast<std::uint8_t>(key.bits)}.text();
  }

  // A number of a peer as all the addresses behind it.
  std::string peer_text(std::uint32_t peer) const {
    if (peer == 0) return "any";
    auto it = peers_.find(peer);
    auto kind = peer < WEFT_NETWORK_FIRST ? "identity" : "network";
    if (it == peers_.end()) return fmt::format("{} of nobody", kind);
    return fmt::format("{} {}", kind, fmt::join(it->second, " "));
  }

  std::string rule_text(std::uint32_t rule) const {
    auto it = tables_.rules->find(rule);
    return it == tables_.rules->end() ? "unknown rule" : it->second.text();
  }

  std::string row_text(const weft_policy& row) const {
    std::string out;
    auto tier = [&](std::string_view name, const weft_tier_rule& rule) {
      if (rule.action != WEFT_ACTION_NONE)
        out += fmt::format(" {} {} {} ({})", name, action_text(rule.action), rule.precedence, rule_text(rule.rule));
    };
    tier("admin", row.admin);
    if (row.allow != 0) out += fmt::format(" allow ({})", rule_text(row.allow));
    tier("baseline", row.baseline);
    return out;
  }

  std::string side_text(const SubjectTable& table, weft_direction direction) const {
    const auto& side = table.row.side[direction];
    std::string out = direction == WEFT_INGRESS ? "    ingress" : "    egress";
    if (side.flags & WEFT_SIDE_ISOLATED) out += fmt::format(" isolated by {}", rule_text(side.isolated_by));
    out += fmt::format(" shapes {:#x} {:#x} {:#x}\n", side.shapes[0], side.shapes[1], side.shapes[2]);
    std::set<std::string> rows;
    for (const auto& [peer, index] : table.peers)
      for (const auto& row : table.templates[index])
        if (row.kind >> 4 == direction)
          rows.insert(fmt::format("      {}: {}:{}\n", peer_text(peer), ports_text(row), row_text(row.row)));
    for (const auto& text : rows) out += text;
    return out;
  }

  std::string subject_text(std::uint32_t id, const std::set<std::string>& names) const {
    auto out = fmt::format("subject of {}\n", fmt::join(names, " "));
    auto it = tables_.subjects.find(id);
    if (it == tables_.subjects.end()) return out + "  missing\n";
    out += "  enforced\n" + side_text(*it->second, WEFT_INGRESS) + side_text(*it->second, WEFT_EGRESS);
    auto audit = tables_.subjects.find(it->second->row.audit);
    if (it->second->row.audit == 0) return out;
    if (audit == tables_.subjects.end()) return out + "  audit missing\n";
    return out + "  with audited policies\n" + side_text(*audit->second, WEFT_INGRESS) +
           side_text(*audit->second, WEFT_EGRESS);
  }

  std::string peer_row_text(const PeerRow& row) const {
    auto out = "  " + address_text(row.first);
    static constexpr std::array<std::string_view, 6> flags{"node",  "own-node",  "ports",
                                                           "local", "contested", "process"};
    for (std::size_t i = 0; i < flags.size(); ++i)
      if (row.second.flags & (1U << i)) out += fmt::format(" {}", flags[i]);
    if (row.second.subject != 0) out += " subject";
    if (row.second.identity != 0) out += fmt::format("; {}", peer_text(row.second.identity));
    if (row.second.network != 0) out += fmt::format("; {}", peer_text(row.second.network));
    return out + "\n";
  }

  const PolicyTables& tables_;
  std::map<std::uint32_t, std::set<std::string>> peers_;
  std::map<std::uint32_t, std::set<std::string>> workloads_;
};

}  // namespace

std::string policy_text(const PolicyTables& tables) { return Writer(tables).all(); }

}  // namespace weft
