#include "agent/reconcile/endpoint_book.hpp"

#include <functional>
#include <string_view>

#include "agent/base/result.hpp"
#include "agent/reconcile/ledger.hpp"
#include "agent/reconcile/tables.hpp"

namespace weft {
namespace {

bool has_row(const weft_endpoint& row) { return !same_bytes(row.address, weft_address{}); }

}  // namespace

EndpointBook::EndpointBook(std::uint32_t capacity, const std::map<std::uint32_t, weft_endpoint>& have)
    : capacity_(capacity), entries_(1), index_(16, Hash{&entries_}, Equal{&entries_}) {
  for (const auto& [id, row] : have) {
    if (id == 0 || id >= capacity_) continue;
    occupy(id, State::kUsed).row = row;
    idle_.push_back(id);
  }
}

void EndpointBook::restored() {
  for (bool named : {true, false})
    for (std::uint32_t id = 1; id < entries_.size(); ++id)
      if (entries_[id].state == State::kUsed && (entries_[id].users > 0) == named) index_.insert(id);
}

std::optional<std::uint32_t> EndpointBook::find(const weft_endpoint& row) const {
  auto found = index_.find(key_of(row));
  if (found == index_.end()) return std::nullopt;
  return *found;
}

std::optional<std::uint32_t> EndpointBook::take(const weft_endpoint& row) {
  while (!free_.empty() && !is_free(free_.front())) free_.pop_front();
  auto id = static_cast<std::uint32_t>(entries_.size());
  if (!free_.empty()) {
    id = free_.front();
    free_.pop_front();
  }
  if (id >= capacity_) return std::nullopt;
  occupy(id, State::kUsed).row = row;
  index_.insert(id);
  idle_.push_back(id);
  return id;
}

void EndpointBook::undo_take(std::uint32_t id) {
  WEFT_ASSERT(entries_[id].users == 0);
  unindex(id);
  release(id);
}

void EndpointBook::add_user(std::uint32_t id) {
  if (id == 0 || id >= capacity_) return;
  if (is_free(id)) occupy(id, State::kRowless);
  auto& entry = entries_[id];
  ++entry.users;
  entry.in_grace = false;
}

void EndpointBook::drop_user(std::uint32_t id) {
  if (id == 0 || id >= capacity_) return;
  auto& entry = entries_[id];
  WEFT_ASSERT(entry.users > 0);
  if (--entry.users == 0) idle_.push_back(id);
}

void EndpointBook::sweep(LedgerTime now) {
  for (auto id : std::exchange(idle_, {})) {
    auto& entry = entries_[id];
    if (entry.users > 0 || entry.in_grace || entry.state == State::kFree || entry.state == State::kExpired) continue;
    entry.in_grace = true;
    entry.due = now + Ledger::kGrace;
    grace_.emplace_back(entry.due, id);
  }
}

std::vector<std::uint32_t> EndpointBook::take_expired(LedgerTime now) {
  std::vector<std::uint32_t> expired;
  while (!grace_.empty() && grace_.front().first <= now) {
    auto [due, id] = grace_.front();
    grace_.pop_front();
    auto& entry = entries_[id];
    if (!entry.in_grace || entry.due != due) continue;
    if (entry.state == State::kUsed) unindex(id);
    entry.state = State::kExpired;
    entry.in_grace = false;
    expired.push_back(id);
  }
  return expired;
}

void EndpointBook::cleared(std::uint32_t id) { release(id); }

void EndpointBook::undo_expire(std::uint32_t id) {
  auto& entry = entries_[id];
  entry.state = has_row(entry.row) ? State::kUsed : State::kRowless;
  if (has_row(entry.row)) index_.insert(id);
  entry.in_grace = true;
  grace_.emplace_front(entry.due, id);
}

void EndpointBook::adopt_stray(std::uint32_t id, const weft_endpoint& row) {
  if (id == 0 || id >= capacity_ || !is_free(id)) return;
  occupy(id, State::kUsed).row = row;
  index_.insert(id);
  idle_.push_back(id);
}

std::size_t EndpointBook::Hash::operator()(const Key& key) const {
  return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&key), sizeof(key)});
}

EndpointBook::Key EndpointBook::key_of(const weft_endpoint& row) {
  return {row.address, std::uint32_t{row.port} << 8 | row.protocol};
}

EndpointBook::Entry& EndpointBook::occupy(std::uint32_t id, State state) {
  while (entries_.size() <= id) {
    if (entries_.size() < id) free_.push_back(static_cast<std::uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  entries_[id].state = state;
  ++used_;
  return entries_[id];
}

void EndpointBook::release(std::uint32_t id) {
  entries_[id] = {};
  free_.push_back(id);
  --used_;
}

// Leaves the entry of another id for the same endpoint alone.
void EndpointBook::unindex(std::uint32_t id) {
  auto found = index_.find(id);
  if (found != index_.end() && *found == id) index_.erase(found);
}

}  // namespace weft
