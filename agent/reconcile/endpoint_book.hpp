// The ledger's page about weft_endpoints: which id stands for which address, port and protocol, and how many slots name
// it. An endpoint has one id however many services have it.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <deque>
#include <map>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "agent/reconcile/slot_book.hpp"
#include "weft/abi/service.h"

namespace weft {

class EndpointBook {
 public:
  // Rows of a dump. Nothing names them yet: once add_user has been told of all slots, call restored.
  EndpointBook(std::uint32_t capacity, const std::map<std::uint32_t, weft_endpoint>& have);
  EndpointBook(const EndpointBook&) = delete;
  EndpointBook& operator=(const EndpointBook&) = delete;

  // Of two rows for one endpoint (a kill between its expiry and its return leaves such) the named one is kept.
  void restored();

  std::optional<std::uint32_t> find(const weft_endpoint& row) const;  // by address, port and protocol
  std::optional<std::uint32_t> take(const weft_endpoint& row);        // a new id; nothing when the table is full
  void undo_take(std::uint32_t id);                                   // its row never got into the kernel
  const weft_endpoint& row(std::uint32_t id) const { return entries_[id].row; }
  void set_row(std::uint32_t id, const weft_endpoint& row) { entries_[id].row = row; }  // same address, port, protocol

  // A slot names, or no longer names, the id. An id without a row (after a kill in the middle of a plan) is kept from
  // being given until then as well. Ids that cannot be are ignored.
  void add_user(std::uint32_t id);
  void drop_user(std::uint32_t id);

  // Ids that nothing names begin their grace.
  void sweep(LedgerTime now);
  // Ids whose grace is over; they leave the index. Each is then either cleared or un-expired.
  std::vector<std::uint32_t> take_expired(LedgerTime now);
  void cleared(std::uint32_t id);
  void undo_expire(std::uint32_t id);

  // A row that the kernel has and the book does not: booked, to be cleared after a grace.
  void adopt_stray(std::uint32_t id, const weft_endpoint& row);

  bool is_free(std::uint32_t id) const { return id >= entries_.size() || entries_[id].state == State::kFree; }
  std::uint32_t used() const { return used_; }
  template <class F>
  void for_each_row(F&& visit) const {
    for (std::uint32_t id = 1; id < entries_.size(); ++id)
      if (entries_[id].state == State::kUsed) visit(id, entries_[id].row);
  }

 private:
  enum class State : std::uint8_t { kFree, kRowless, kUsed, kExpired };
  struct Entry {
    weft_endpoint row{};
    std::uint32_t users = 0;
    State state = State::kFree;
    bool in_grace = false;
    LedgerTime due{};
  };
  struct Key {
    weft_address address;
    std::uint32_t port_and_protocol;
    bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof(Key)) == 0; }
  };
  // Ids hash and compare as the endpoints they stand for.
  struct Hash {
    using is_transparent = void;
    const std::vector<Entry>* entries;
    std::size_t operator()(const Key& key) const;
    std::size_t operator()(std::uint32_t id) const { return (*this)(key_of((*entries)[id].row)); }
  };
  struct Equal {
    using is_transparent = void;
    const std::vector<Entry>* entries;
    Key of(std::uint32_t id) const { return key_of((*entries)[id].row); }
    const Key& of(const Key& key) const { return key; }
    bool operator()(const auto& a, const auto& b) const { return of(a) == of(b); }
  };
  static Key key_of(const weft_endpoint& row);

  Entry& occupy(std::uint32_t id, State state);
  void release(std::uint32_t id);
  void unindex(std::uint32_t id);

  std::uint32_t capacity_;
  std::uint32_t used_ = 0;
  std::vector<Entry> entries_;       // by id, up to the highest ever used
  std::deque<std::uint32_t> free_;   // may name ids that were taken since
  std::vector<std::uint32_t> idle_;  // ids that may have lost their last user since the last sweep
  std::deque<std::pair<LedgerTime, std::uint32_t>> grace_;  // due at → id; outdated entries are skipped
  std::unordered_set<std::uint32_t, Hash, Equal> index_;
};

}  // namespace weft
