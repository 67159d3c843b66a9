#include "agent/reconcile/policy_book.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "agent/reconcile/sorted_rows.hpp"

namespace weft {
namespace {

template <class Row>
std::vector<Row> sorted(std::vector<Row> rows) {
  std::sort(rows.begin(), rows.end(), key_less<Row>);
  return rows;
}

std::shared_ptr<const std::vector<PolicyEntry>> share(std::vector<PolicyEntry> rows) {
  return std::make_shared<const std::vector<PolicyEntry>>(std::move(rows));
}

template <class Row>
void compare(std::span<const Row> have, std::span<const Row> desired, std::vector<Row>& put,
             std::vector<typename Row::first_type>& removed) {
  auto differs = [&](const Row& row) { put.push_back(row); };
  compare_sorted<Row>(have, desired, [&](const auto& key) { removed.push_back(key); }, differs, differs);
}

template <class Row>
std::vector<Row> fitting(std::span<const Row> desired, std::uint32_t most, const char* table, const char* key,
                         std::string& problem) {
  if (desired.size() <= most) return {desired.begin(), desired.end()};
  problem += fmt::format("{}the table of {} is full ({} entries), {} are left out: raise datapath.maps.{}",
                         problem.empty() ? "" : "; ", table, most, desired.size() - most, key);
  return {desired.begin(), desired.begin() + most};
}

weft_subject closed(weft_subject row) {
  for (auto& side : row.side) {
    std::fill(std::begin(side.shapes), std::end(side.shapes), 0);
    side.flags |= WEFT_SIDE_ISOLATED;
  }
  row.audit = 0;
  return row;
}

const PeerEntry* find_peer(std::span<const PeerEntry> peers, const weft_peer_key& key) {
  auto it = std::lower_bound(peers.begin(), peers.end(), PeerEntry{key, {}}, key_less<PeerEntry>);
  return it == peers.end() || !same_bytes(it->first, key) ? nullptr : &*it;
}

// Who everybody is comes before what that means, so that the rows of neither the old nor the new subject meet a name
// that they were not made for: rows that change their subject are written twice, first with the old one.
void add_peers(PolicyPlan& plan, std::span<const PeerEntry> have, const std::vector<PeerEntry>& put) {
  std::vector<PeerEntry> names, subjects;
  for (auto row : put) {
    const auto* old = find_peer(have, row.first);
    if (old == nullptr || old->second.subject == row.second.subject) {
      names.push_back(row);
      continue;
    }
    subjects.push_back(row);
    row.second.subject = old->second.subject;
    if (!same_bytes(old->second, row.second)) names.push_back(row);
  }
  if (!names.empty()) plan.steps.push_back(PutPeers{std::move(names)});
  if (!subjects.empty()) plan.steps.push_back(PutPeers{std::move(subjects)});
}

bool names_subject(const PeerEntry& peer) { return peer.second.subject != 0; }

template <class Put, class Rows>
void add_step(PolicyPlan& plan, Rows rows) {
  if (!rows.empty()) plan.steps.push_back(Put{std::move(rows)});
}

}  // namespace

PolicyBook::PolicyBook(const PolicySizes& sizes, const PolicyDump& have) : sizes_(sizes) { restart(have); }

void PolicyBook::restart(const PolicyDump& have) {
  subjects_.clear();
  for (const auto& [id, row] : have.subjects) subjects_[id].row = row;
  std::map<std::uint32_t, std::vector<PolicyEntry>> rows;
  for (const auto& row : have.rows) rows[row.first.subject].push_back(row);
  for (auto& [id, of_subject] : rows) subjects_[id].rows = share(sorted(std::move(of_subject)));
  peers_ = sorted(have.peers);
  networks_ = sorted(have.networks);
  state_ = have.state;
}

PolicyBook::Subjects PolicyBook::make_subjects(const DesiredPolicy& desired, std::string& problem) const {
  Subjects made;
  std::size_t rows = 0, closed_subjects = 0;
  for (const auto& want : desired.subjects) {
    auto& subject = made[want.id];
    subject.row = want.row;
    subject.version = want.version;
    auto known = subjects_.find(want.id);
    if (known != subjects_.end() && known->second.version == want.version && want.version != nullptr) {
      subject.rows = known->second.rows;
    } else {
      std::vector<PolicyEntry> fresh;
      want.append_rows(fresh);
      subject.rows = share(sorted(std::move(fresh)));
    }
    if (rows + subject.rows->size() > sizes_.rows) {
      subject = {closed(want.row), nullptr, share({})};
      ++closed_subjects;
    }
    rows += subject.rows->size();
  }
  if (closed_subjects > 0)
    problem =
        fmt::format("the table of policy is full ({} entries), {} workloads are isolated: raise datapath.maps.policy",
                    sizes_.rows, closed_subjects);
  return made;
}

void PolicyBook::plan_rows(const Subjects& desired, PolicyPlan& plan, std::vector<weft_policy_key>& removed) const {
  std::vector<PolicyEntry> put;
  static const std::vector<PolicyEntry> none;
  for (const auto& [id, subject] : desired) {
    auto known = subjects_.find(id);
    if (known != subjects_.end() && known->second.rows == subject.rows) continue;
    compare<PolicyEntry>(known == subjects_.end() ? none : *known->second.rows, *subject.rows, put, removed);
  }
  for (const auto& [id, subject] : subjects_)
    if (!desired.contains(id))
      for (const auto& row : *subject.rows) removed.push_back(row.first);
  // Old and new side by side do not fit: the old go first, and what they allowed is denied for that moment.
  if (used().rows + put.size() > sizes_.rows) add_step<RemovePolicyRows>(plan, std::exchange(removed, {}));
  add_step<PutPolicyRows>(plan, std::move(put));
}

Result<> PolicyBook::plan(const DesiredPolicy& desired, PolicyPlan& plan) {
  std::string problem;
  auto subjects = make_subjects(desired, problem);
  auto networks = fitting(desired.networks, sizes_.networks, "ipBlocks", "networks", problem);
  auto peers = fitting(desired.peers, sizes_.peers, "addresses of policy", "peers", problem);
  std::vector<weft_policy_key> gone_rows;
  std::vector<NetworkEntry> new_networks;
  std::vector<weft_network_key> gone_networks;
  std::vector<PeerEntry> new_peers;
  std::vector<weft_peer_key> gone_peers;
  compare<NetworkEntry>(networks_, networks, new_networks, gone_networks);
  compare<PeerEntry>(peers_, peers, new_peers, gone_peers);

  weft_policy_state state{std::none_of(peers.begin(), peers.end(), names_subject), 0};

  if (state_.no_subjects != 0 && state.no_subjects == 0) plan.steps.push_back(PutPolicyState{state});
  plan_rows(subjects, plan, gone_rows);
  for (const auto& [id, subject] : subjects)
    if (auto known = subjects_.find(id); known == subjects_.end() || !same_bytes(known->second.row, subject.row))
      plan.steps.push_back(PutSubject{id, subject.row});
  // Keys begin with the length of the prefix: the longest first, so that none is met before the ones inside of it.
  std::reverse(new_networks.begin(), new_networks.end());
  add_step<PutNetworks>(plan, std::move(new_networks));
  add_step<RemovePeers>(plan, std::move(gone_peers));  // frees room; nobody's address is world
  add_peers(plan, peers_, new_peers);
  add_step<RemoveNetworks>(plan, std::move(gone_networks));
  for (const auto& [id, subject] : subjects_)
    if (!subjects.contains(id)) plan.steps.push_back(RemoveSubject{id});
  add_step<RemovePolicyRows>(plan, std::move(gone_rows));
  if (state_.no_subjects == 0 && state.no_subjects != 0) plan.steps.push_back(PutPolicyState{state});

  state_ = state;
  subjects_ = std::move(subjects);
  networks_ = std::move(networks);
  peers_ = std::move(peers);
  if (problem.empty()) return {};
  return fail(ENOSPC, problem);
}

PolicyPlan PolicyBook::plan_repair(const PolicyDump& dump) const {
  PolicyBook now(sizes_, dump);
  DesiredPolicy desired{{}, peers_, networks_};
  for (const auto& [id, subject] : subjects_)
    desired.subjects.push_back(
        {id, subject.row, nullptr, [rows = subject.rows](std::vector<PolicyEntry>& out) { out = *rows; }});
  PolicyPlan plan;
  (void)now.plan(desired, plan);  // fitted when it was booked
  return plan;
}

PolicySizes PolicyBook::used() const {
  std::size_t rows = 0;
  for (const auto& [id, subject] : subjects_) rows += subject.rows->size();
  return {static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(subjects_.size()),
          static_cast<std::uint32_t>(peers_.size()), static_cast<std::uint32_t>(networks_.size())};
}

}  // namespace weft
