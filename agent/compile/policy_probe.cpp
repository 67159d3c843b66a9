#include "agent/compile/policy_probe.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>

namespace {

// Rows of a subject are sorted: nothing has to be built for a single question.
inline const weft_policy* policy_find_row(const void* subject, const weft_policy_key* key) {
  const auto& table = *static_cast<const weft::SubjectTable*>(subject);
  auto peer = std::lower_bound(table.peers.begin(), table.peers.end(), key->peer,
                               [](const auto& entry, std::uint32_t wanted) { return entry.first < wanted; });
  if (peer == table.peers.end() || peer->first != key->peer) return nullptr;
  for (const auto& row : table.templates[peer->second])
    if (row.kind == key->kind && row.protocol == key->protocol && row.port == key->port) return &row.row;
  return nullptr;
}

}  // namespace

#include "bpf/lib/policy_decide.h"

namespace weft {
namespace {

constexpr std::array<std::uint16_t, 4> kUsualPorts{80, 443, 53, 30000};

const weft_peer* find_peer(const PolicyTables& tables, const weft_peer_key& key) {
  const auto& peers = *tables.peers;
  auto it = std::lower_bound(peers.begin(), peers.end(), key, [](const PeerRow& row, const weft_peer_key& wanted) {
    return bytes_less(row.first, wanted);
  });
  return it == peers.end() || !bytes_equal(it->first, key) ? nullptr : &it->second;
}

// Somebody with an address of his own who is not the pod itself.
const PeerRow* choose_peer(const PolicyTables& tables, const weft_peer& own, std::uint64_t turn) {
  const auto& peers = *tables.peers;
  constexpr std::size_t kMostLooks = 8;  // rows of single ports, and the pod's own, are passed over
  for (std::size_t look = 0; look < kMostLooks; ++look) {
    const auto& row = peers[(turn + look) % peers.size()];
    if (row.first.port == 0 && row.second.owner != own.owner) return &row;
  }
  return nullptr;
}

// A port that some rule speaks about, where one does.
void choose_port(const SubjectTable* subject, std::uint64_t turn, weft_explain_request& probe) {
  probe.protocol = turn % 5 == 4 ? IPPROTO_UDP : IPPROTO_TCP;
  probe.port = htons(kUsualPorts[turn % kUsualPorts.size()]);
  if (subject == nullptr || subject->templates.empty()) return;
  const auto& rows = subject->templates[turn % subject->templates.size()];
  if (rows.empty()) return;
  const auto& row = rows[turn % rows.size()];
  if (row.protocol != 0) probe.protocol = row.protocol;
  if (row.port != 0) probe.port = row.port;
}

void answer(const SubjectTable& subject, const weft_peer& own, const weft_peer& peer, weft_explain_request& probe) {
  weft_decision decision{};
  if (policy_is_own_node(own.flags, &peer, probe.direction)) {
    decision = policy_make_decision(0, WEFT_VERDICT_ALLOW, WEFT_REASON_OWN_NODE);
  } else {
    policy_question question{probe.subject, peer.identity, peer.network, probe.port, probe.protocol, probe.direction};
    const auto& side = subject.row.side[probe.direction];
    auto sum = policy_sum(&subject, &side, &question);
    decision = policy_decide(&sum, &side);
  }
  probe.decided_rule = decision.rule;
  probe.verdict = decision.verdict;
  probe.reason = decision.reason;
}

const weft_peer& at_port(const PolicyTables& tables, const PeerRow& whole, const weft_explain_request& probe) {
  bool by_port = probe.subject != 0 && probe.direction == WEFT_EGRESS && (whole.second.flags & WEFT_PEER_PORTS);
  auto key = whole.first;
  key.port = probe.port;
  key.protocol = probe.protocol;
  const auto* exact = by_port ? find_peer(tables, key) : nullptr;
  return exact == nullptr ? whole.second : *exact;
}

}  // namespace

std::optional<weft_explain_request> make_probe(const PolicyTables& tables, const IpAddress& pod, std::uint64_t turn) {
  const auto* own = find_peer(tables, {to_abi(pod), 0, 0, 0});
  if (own == nullptr) return std::nullopt;
  const auto* whole = choose_peer(tables, *own, turn);
  if (whole == nullptr) return std::nullopt;
  weft_explain_request probe{};
  probe.pod = to_abi(pod);
  probe.peer = whole->first.address;
  probe.direction = turn % 2 == 0 ? WEFT_INGRESS : WEFT_EGRESS;
  probe.subject = own->subject;
  auto held = tables.subjects.find(own->subject);
  if (own->subject != 0 && held == tables.subjects.end()) return std::nullopt;
  choose_port(own->subject == 0 ? nullptr : held->second.get(), turn, probe);
  const auto& peer = at_port(tables, *whole, probe);
  probe.peer_identity = peer.identity;
  probe.peer_network = peer.network;
  probe.peer_flags = peer.flags;
  if (own->subject != 0) answer(*held->second, *own, peer, probe);
  return probe;
}

weft_explain_request without_answer(const weft_explain_request& probe) {
  weft_explain_request question{};
  question.pod = probe.pod;
  question.peer = probe.peer;
  question.port = probe.port;
  question.protocol = probe.protocol;
  question.direction = probe.direction;
  return question;
}

std::string difference_of(const weft_explain_request& wanted, const weft_explain_request& got) {
  if (bytes_equal(wanted, got)) return "";
  if (wanted.subject != got.subject)
    return fmt::format("the kernel has it under policies {}, not {}", got.subject, wanted.subject);
  auto peer = from_abi(wanted.peer).text();
  if (wanted.peer_identity != got.peer_identity || wanted.peer_network != got.peer_network ||
      wanted.peer_flags != got.peer_flags)
    return fmt::format("the kernel takes {} for identity {}, not {}", peer, got.peer_identity, wanted.peer_identity);
  return fmt::format("the kernel {} {} by rule {}, which rule {} decides",
                     got.verdict == WEFT_VERDICT_DENY ? "denies" : "allows", peer, got.decided_rule,
                     wanted.decided_rule);
}

}  // namespace weft
