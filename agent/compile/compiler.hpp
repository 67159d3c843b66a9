// compile(snapshot, facts) → Compiled. Keeps what it compiled before and looks only at what changed; a property test
// holds it equal to compiling from scratch. Reads no clock, no file, no map.
#pragma once

#include <memory>

#include "agent/compile/compiled.hpp"

namespace weft {

struct CompileResult {
  std::shared_ptr<const Compiled> compiled;
  std::vector<NamespacedName> changed_services;  // compiled anew or gone; exact enough to diff only these
  bool owners_changed = false;
};

class Compiler {
 public:
  // `names`: ids given in an earlier life of the agent; they are kept.
  explicit Compiler(Names names);
  ~Compiler();
  CompileResult compile(const std::shared_ptr<const Snapshot>& snapshot, const ChangeSet& changes,
                        const NodeFacts& facts);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weft
