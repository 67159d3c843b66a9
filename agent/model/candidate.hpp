// The mesh as it would be with other policies: a snapshot with the objects of some files put in or taken out.
#pragma once

#include <cstddef>
#include <memory>

#include "agent/model/decode.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

struct Candidate {
  std::shared_ptr<const Snapshot> snapshot;
  std::size_t objects = 0;  // of the files that were put in or taken out
  std::size_t ignored = 0;  // of kinds that are not tried
  std::size_t absent = 0;   // that were to be taken out and are not there
};

enum class CandidateMode { kPut, kRemove };

// Policies and Namespaces count; policies in audit mode are put in as if they were enforced. Only what policies look
// at is right in the result: no derived parts.
Candidate make_candidate(const Snapshot& now, const std::vector<Decoded>& files, CandidateMode mode);

}  // namespace weft
