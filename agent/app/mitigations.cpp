#include "agent/app/mitigations.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/app/node.hpp"
#include "agent/app/state_file.hpp"
#include "agent/base/duration.hpp"
#include "agent/base/findings.hpp"

namespace weft {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kSameEnd = 2 * kSecond;  // rows are not written again for a clock that was stepped a little

std::uint64_t contents_of(const DenyList& list) {
  std::uint64_t hash = 0xcbf29ce484222325ull;  // FNV-1a: the same in every version of weft
  auto add = [&](std::string_view text) {
    for (unsigned char c : text) hash = (hash ^ c) * 0x100000001b3ull;
  };
  for (const auto& cidr : list.cidrs) add(cidr.text() + ",");
  add(std::to_string(list.ttl_s));
  return hash;
}

std::string words_of(const DenyOrder& order) {
  auto words = order.ttl_s == 0 ? std::string("for ever") : "for " + seconds_text(order.ttl_s);
  return order.reason.empty() ? words : words + ": " + order.reason;
}

bool same_row(const weft_denial& a, const weft_denial& b) { return a.until_ns == b.until_ns && a.entry == b.entry; }

}  // namespace

Moment Moment::now() { return {weft::wall_ns(), weft::boot_ns()}; }

Result<std::unique_ptr<Mitigations>> Mitigations::open(const DenyTables& tables,
                                                       const std::filesystem::path& state_dir) {
  std::unique_ptr<Mitigations> made(new Mitigations(tables, state_dir / kFile));
  auto dump = WEFT_TRY(tables.dump());
  made->have_ = std::move(dump.rows);
  made->max_ = WEFT_TRY(tables.max_entries());
  for (const auto& [cidr, row] : made->have_) made->next_entry_ = std::max(made->next_entry_, row.entry + 1);
  if (auto text = read_file(made->file_)) {
    auto state = mitigations_from_text(*text);
    if (state)
      made->state_ = std::move(*state);
    else
      spdlog::error("what was denied and quarantined by command is lost: {}",
                    put_aside(made->file_, std::move(state).error()).error().what);
  }
  made->publish_quarantines();
  return made;
}

void Mitigations::publish_quarantines() {
  auto orders = std::make_shared<Quarantines>();
  for (const auto& [name, order] : state_.quarantined)
    orders->emplace(name, QuarantineNote{order.since_ns, order.by.uid, order.reason});
  quarantines_ = std::move(orders);
}

// First on disk, then in the kernel: what is in force is never forgotten by a restart.
Result<> Mitigations::change(MitigationState next, Moment now) {
  WEFT_TRY(replace_file(file_, mitigations_to_text(next)));
  auto before = std::exchange(state_, std::move(next));
  if (before.quarantined != state_.quarantined) publish_quarantines();
  if (before.denied == state_.denied) return {};
  collect(now);
  apply(now);
  if (failure_.empty()) return {};
  auto failure = failure_;
  state_ = std::move(before);
  WEFT_TRY(replace_file(file_, mitigations_to_text(state_)));
  collect(now);
  apply(now);
  return fail(ENOSPC, failure);
}

bool Mitigations::holds_own(const Cidr& cidr) const {
  return std::ranges::any_of(own_, [&](const IpAddress& address) { return cidr.contains(address); });
}

Result<> Mitigations::deny(const DenyOrder& order, const Caller& by, Moment now) {
  auto next = state_;
  for (const auto& cidr : order.cidrs) {
    auto why = std::string(lockout_of(cidr));
    if (why.empty() && holds_own(cidr)) why = "it holds an address of this node";
    if (!why.empty() && !order.force)
      return fail(EPERM, fmt::format("{} is not denied: {}; --force denies it all the same", cidr.text(), why));
    auto until = order.ttl_s == 0 ? kForEver : now.wall_ns + static_cast<std::int64_t>(order.ttl_s) * kSecond;
    next.denied[cidr] = {now.wall_ns, until, by, order.reason};
    next.note({now.wall_ns, by, "deny", cidr.text(), words_of(order)});
  }
  if (next.denied.size() > MitigationState::kMostDenied)
    return fail(ENOSPC, fmt::format("at most {} blocks can be denied by command; write a DenyList object",
                                    MitigationState::kMostDenied));
  WEFT_TRY(change(std::move(next), now));
  for (const auto& cidr : order.cidrs)
    spdlog::warn("audit: uid {} pid {} denied {} {}", by.uid, by.pid, cidr.text(), words_of(order));
  return {};
}

Result<> Mitigations::allow(const std::vector<Cidr>& cidrs, const Caller& by, Moment now) {
  auto next = state_;
  for (const auto& cidr : cidrs) {
    if (next.denied.erase(cidr) == 0) {
      auto lists = named_by_.find(cidr);
      if (lists == named_by_.end()) return fail(ENOENT, fmt::format("{} is not on the deny list", cidr.text()));
      return fail(ENOENT, fmt::format("{} is denied by DenyList {}: change that object", cidr.text(),
                                      fmt::join(lists->second, ", ")));
    }
    next.note({now.wall_ns, by, "allow", cidr.text(), ""});
  }
  WEFT_TRY(change(std::move(next), now));
  for (const auto& cidr : cidrs)
    spdlog::warn("audit: uid {} pid {} took {} off the deny list", by.uid, by.pid, cidr.text());
  return {};
}

Result<> Mitigations::quarantine(const NamespacedName& workload, const std::string& reason, const Caller& by,
                                 Moment now) {
  auto name = workload.first + "/" + workload.second;
  if (state_.quarantined.contains(workload)) return fail(EEXIST, name + " is in quarantine already");
  if (state_.quarantined.size() >= MitigationState::kMostQuarantined)
    return fail(ENOSPC, fmt::format("{} workloads are in quarantine; release some first", state_.quarantined.size()));
  auto next = state_;
  next.quarantined[workload] = {now.wall_ns, by, reason};
  next.note({now.wall_ns, by, "quarantine", name, reason});
  WEFT_TRY(change(std::move(next), now));
  spdlog::warn("audit: uid {} pid {} quarantined {}{}{}", by.uid, by.pid, name, reason.empty() ? "" : ": ", reason);
  return {};
}

Result<> Mitigations::release(const NamespacedName& workload, const Caller& by, Moment now) {
  auto name = workload.first + "/" + workload.second;
  auto next = state_;
  if (next.quarantined.erase(workload) == 0) return fail(ENOENT, name + " is not in quarantine");
  next.note({now.wall_ns, by, "release", name, ""});
  WEFT_TRY(change(std::move(next), now));
  spdlog::warn("audit: uid {} pid {} released {} from quarantine", by.uid, by.pid, name);
  return {};
}

void Mitigations::set_world(const std::shared_ptr<const Snapshot>& snapshot, const std::vector<IpAddress>& own,
                            Moment now) {
  bool lists_changed = snapshot->all_synced() != snapshot_->all_synced();
  snapshot->deny_lists.for_each_touched(snapshot_->deny_lists, [&](const auto&, const auto* old, const auto* young) {
    lists_changed = lists_changed || !old || !young || *old != *young;
  });
  bool changed = lists_changed || own != own_;
  snapshot_ = snapshot;
  own_ = own;
  if (!changed) return;
  see_lists(now);
  collect(now);
  apply(now);
}

// A list whose time counts from when it was first read: noted, so that a restart does not begin anew.
void Mitigations::see_lists(Moment now) {
  auto next = state_.seen;
  if (snapshot_->all_synced())
    std::erase_if(next, [&](const auto& entry) { return snapshot_->deny_lists.find({"", entry.first}) == nullptr; });
  snapshot_->deny_lists.for_each([&](const NamespacedName& name, const auto& list) {
    if (list->ttl_s == 0 || list->created_s != 0) return;
    auto& seen = next[name.second];
    auto contents = contents_of(*list);
    if (seen.since_ns == 0 || seen.contents != contents) seen = {contents, now.wall_ns};
  });
  if (next == state_.seen) return;
  state_.seen = std::move(next);
  if (auto saved = replace_file(file_, mitigations_to_text(state_)); !saved) spdlog::warn("{}", saved.error().what);
}

std::optional<std::int64_t> Mitigations::end_of(const DenyList& list) const {
  if (list.ttl_s == 0) return std::nullopt;
  auto ttl_ns = static_cast<std::int64_t>(list.ttl_s) * kSecond;
  if (list.created_s != 0) return list.created_s * kSecond + ttl_ns;
  auto seen = state_.seen.find(list.metadata.name);
  return seen == state_.seen.end() ? std::nullopt : std::optional(seen->second.since_ns + ttl_ns);
}

void Mitigations::collect(Moment now) {
  // The file may go on naming them: whoever reads it looks at their end.
  std::erase_if(state_.denied, [&](const auto& entry) {
    return entry.second.until_ns != kForEver && entry.second.until_ns <= now.wall_ns;
  });
  denials_ = {};
  named_by_.clear();
  findings_.clear();
  for (const auto& [cidr, entry] : state_.denied) denials_.add(cidr, entry.until_ns, now.wall_ns);
  snapshot_->deny_lists.for_each([&](const NamespacedName& name, const std::shared_ptr<const DenyList>& list) {
    auto end = end_of(*list).value_or(kForEver);
    if (end != kForEver && end <= now.wall_ns) return;
    for (const auto& cidr : list->cidrs) {
      if (holds_own(cidr)) {
        findings_.push_back({Diagnostic::Severity::kError,
                             finding_code(FindingCode::kDeniesItself),
                             {ObjectKind::kDenyList, "", name.second},
                             "spec.cidrs",
                             cidr.text() + " is not denied: it holds an address of this node",
                             ""});
        continue;
      }
      denials_.add(cidr, end, now.wall_ns);
      named_by_[cidr].push_back(name.second);
    }
  });
  next_end_ns_ = denials_.next_end();
}

DenialRows Mitigations::wanted_rows(Moment now) {
  DenialRows rows;
  for (const auto& [cidr, until_ns] : denials_.for_kernel()) {
    auto known = have_.find(cidr);
    weft_denial row{};
    row.entry = known != have_.end() && known->second.entry != 0 ? known->second.entry : next_entry_++;
    if (until_ns != kForEver)
      row.until_ns = static_cast<std::uint64_t>(std::max<std::int64_t>(until_ns - now.wall_ns + now.boot_ns, 1));
    if (known != have_.end() && known->second.until_ns != 0 && row.until_ns != 0) {
      auto difference = static_cast<std::int64_t>(known->second.until_ns - row.until_ns);
      if (std::abs(difference) < kSameEnd) row.until_ns = known->second.until_ns;
    }
    rows.emplace_hint(rows.end(), cidr, row);
  }
  return rows;
}

// What the kernel has and nobody is known to want stays until every source has been read: it may be of an object.
Result<> Mitigations::write(const DenialRows& wanted) {
  DenialRows fresh;
  for (const auto& [cidr, row] : wanted)
    if (auto known = have_.find(cidr); known == have_.end() || !same_row(known->second, row)) fresh.emplace(cidr, row);
  if (snapshot_->all_synced())
    for (auto it = have_.begin(); it != have_.end();) {
      if (wanted.contains(it->first)) {
        ++it;
        continue;
      }
      WEFT_TRY(tables_.erase(it->first));
      WEFT_TRY(tables_.forget_hits(it->second.entry));
      it = have_.erase(it);
    }
  auto put = tables_.put(fresh);
  if (put)
    for (const auto& [cidr, row] : fresh) have_[cidr] = row;
  else
    have_ = WEFT_TRY(tables_.dump()).rows;  // what got in is not told row by row
  sizes_ = {};
  for (const auto& [cidr, row] : have_) ++(is_single(cidr) ? sizes_.addresses : sizes_.networks);
  WEFT_TRY(tables_.put_sizes(sizes_));
  return put;
}

void Mitigations::apply(Moment now) {
  auto written = write(wanted_rows(now));
  retry_at_.reset();
  if (written) {
    failure_.clear();
    backoff_.reset();
    return;
  }
  bool full = written.error().code == E2BIG || written.error().code == ENOSPC;
  auto failure = full ? "the deny list is full; raise datapath.maps.deniedAddresses and deniedNetworks, and restart"
                      : "deny list: " + written.error().what;
  if (failure != failure_) spdlog::error("{}", failure);
  failure_ = failure;
  retry_at_ = backoff_.next(Clock::now());
}

void Mitigations::tick(Moment now, Clock::time_point steady) {
  bool ended = next_end_ns_ != kForEver && next_end_ns_ <= now.wall_ns;
  bool due = retry_at_ && *retry_at_ <= steady;
  if (!ended && !due) return;
  collect(now);
  apply(now);
}

Result<std::size_t> Mitigations::repair(Moment now) {
  auto dump = WEFT_TRY(tables_.dump());
  std::size_t differing = dump.sizes.addresses != sizes_.addresses || dump.sizes.networks != sizes_.networks;
  for (const auto& [cidr, row] : have_)
    if (auto there = dump.rows.find(cidr); there == dump.rows.end() || !same_row(there->second, row)) ++differing;
  for (const auto& [cidr, row] : dump.rows) differing += !have_.contains(cidr);
  if (differing == 0) return differing;
  auto wanted = wanted_rows(now);
  have_ = std::move(dump.rows);
  WEFT_TRY(write(wanted));
  return differing;
}

Result<std::vector<DeniedBlock>> Mitigations::list() const {
  auto hits = WEFT_TRY(tables_.hits());
  std::vector<DeniedBlock> out;
  for (const auto& [cidr, until_ns] : denials_.ends()) {
    DeniedBlock block{cidr, until_ns, nullptr, {}, {}};
    if (auto command = state_.denied.find(cidr); command != state_.denied.end()) block.command = &command->second;
    if (auto lists = named_by_.find(cidr); lists != named_by_.end()) block.lists = lists->second;
    if (auto row = have_.find(cidr); row != have_.end())
      if (auto counted = hits.find(row->second.entry); counted != hits.end()) block.hits = counted->second;
    out.push_back(std::move(block));
  }
  return out;
}

}  // namespace weft
