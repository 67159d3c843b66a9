// Folds events into snapshots. Holds the claims of every source (which origin said which object), so that two files
// that define one object, a source that starts over and a rename of a file all end in the right snapshot.
// Single-threaded, cannot fail; what is contested or wrong becomes a diagnostic of its origin.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "agent/model/event.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

struct Folded {
  std::shared_ptr<const Snapshot> snapshot;
  ChangeSet changes;  // against the snapshot of the call before
};

class Fold {
 public:
  Fold();
  ~Fold();
  // Sources that must sync before anything is deleted.
  void expect_source(const SourceId& source);
  Folded apply(std::span<const Event> events);
  const std::shared_ptr<const Snapshot>& snapshot() const;
  // Who says the object that is in the snapshot, and where; nothing when it is in none.
  std::optional<ObjectPlace> find_place(const ObjectKey& key) const;
  // Diagnostics that a source has now, of its files and its objects.
  std::uint64_t count_diagnostics(const SourceId& source) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weft
