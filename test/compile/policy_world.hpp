// A mesh of which only the policies matter: manifests or JSON in, policy tables out.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/compile/policy_compiler.hpp"
#include "agent/compile/policy_lookup.hpp"
#include "agent/model/decode.hpp"
#include "agent/model/fold.hpp"

namespace weft::test {

class PolicyWorld {
 public:
  NodeFacts facts{"node-a", "", "", {}};
  Quarantines quarantines;

  void put_yaml(std::string_view yaml) { take(decode_manifest("in.yaml", yaml)); }
  // One object; tests that make thousands of them.
  void put(Object object) { events_.push_back({ObjectChanged{"files", "in.yaml", std::move(object)}, {}}); }
  void remove(const ObjectKey& key) { events_.push_back({ObjectRemoved{"files", "in.yaml", key}, {}}); }
  void take(Decoded decoded) {
    for (auto& item : decoded.objects) put(std::move(item.object));
    diagnostics.insert(diagnostics.end(), decoded.diagnostics.begin(), decoded.diagnostics.end());
  }

  const std::shared_ptr<const PolicyTables>& compile() {
    if (!events_.empty()) fold_.apply(events_);
    events_.clear();
    tables = compiler_.compile(*fold_.snapshot(), facts, quarantines);
    return tables;
  }
  // Until nothing of what went is left.
  const std::shared_ptr<const PolicyTables>& settle() {
    for (int rounds = 0; tables->settling; ++rounds) {
      if (rounds > 4) throw std::runtime_error("the tables never settle");
      compile();
    }
    return tables;
  }
  const Snapshot& snapshot() const { return *fold_.snapshot(); }

  std::shared_ptr<const PolicyTables> tables;
  std::vector<Diagnostic> diagnostics;

 private:
  Fold fold_;
  PolicyCompiler compiler_{PolicyNumbers{}};
  std::vector<Event> events_;
};

}  // namespace weft::test
