// compile(snapshot, facts) → PolicyTables. Keeps what it made before and looks only at what changed; a property test
// holds it equal to compiling from scratch. Reads no clock, no file, no map.
#pragma once

#include <memory>

#include "agent/compile/compiled.hpp"
#include "agent/compile/policy_tables.hpp"
#include "agent/model/quarantine.hpp"

namespace weft {

// Where numbers go on after a restart: above all that the pinned maps, and flows in the kernel, may name.
struct PolicyNumbers {
  std::uint32_t subject = 1;
  std::uint32_t identity = WEFT_IDENTITY_FIRST;
  std::uint32_t network = WEFT_NETWORK_FIRST;
  std::uint32_t owner = 1;
  RuleNames rules;  // keep their numbers
};

class PolicyCompiler {
 public:
  explicit PolicyCompiler(const PolicyNumbers& numbers);
  ~PolicyCompiler();
  // Equal parts of two results are shared: a subject whose pointer is the same has the same rows. Where nothing changed
  // that policies look at, the result is the one before. Workloads in `quarantines` reach, and are reached by, their
  // own node alone, whatever the policies of the snapshot say.
  std::shared_ptr<const PolicyTables> compile(const Snapshot& snapshot, const NodeFacts& facts,
                                              const Quarantines& quarantines = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weft
