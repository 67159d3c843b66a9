// The ledger's page about weft_owners: a sorted list, because it is compared as a whole and changed in few places.
#pragma once

#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/reconcile/tables.hpp"

namespace weft {

class OwnerBook {
 public:
  using Row = std::pair<weft_owner_key, weft_owner>;
  using Rows = std::span<const Row>;
  using Changes = Table<weft_owner_key, std::optional<weft_owner>>;  // nothing: removed

  struct Difference {
    std::vector<weft_owner_key> removed;
    std::vector<Row> changed;
    std::vector<Row> added;
  };

  explicit OwnerBook(const Table<weft_owner_key, weft_owner>& have) : rows_(have.begin(), have.end()) {}

  // From the book to `desired`, which must be sorted by the bytes of the key, without duplicates.
  Difference difference_to(Rows desired) const;
  void apply(const Changes& changes);
  Rows rows() const { return rows_; }

 private:
  std::vector<Row> rows_;
};

}  // namespace weft
