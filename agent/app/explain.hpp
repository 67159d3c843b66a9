// Why a connection is allowed or not: finds both ends among the objects, asks the loaded programs about each end that
// this node judges, and puts their answers into words. Decides nothing itself.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "agent/api/explain.hpp"
#include "agent/app/explain_ends.hpp"
#include "agent/compile/policy_explain.hpp"
#include "agent/kernel/policy_tables.hpp"
#include "agent/model/quarantine.hpp"

namespace weft {

struct EndPair {
  ExplainEnd source;
  ExplainEnd destination;  // with its port
};

class Explainer {
 public:
  // Fills the answers of requests, as KernelPolicyTables::explain does.
  using Ask = std::function<Result<>(std::span<weft_explain_request>)>;
  struct World {
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<const Compiled> compiled;
    std::shared_ptr<const PolicyTables> tables;  // null: policy is not compiled yet
    NodeFacts facts;
    std::shared_ptr<const Quarantines> quarantines;
  };
  static constexpr std::size_t kMostPairs = 16;  // endpoints or pods of one answer; more would hold up the loop

  Explainer(World world, Ask ask);
  ExplainView explain(const ExplainQuery& query) const;
  // Whether another one for this world would say the same.
  bool is_about(const World& world) const {
    return world_.snapshot == world.snapshot && world_.compiled == world.compiled && world_.tables == world.tables &&
           world_.facts == world.facts && world_.quarantines == world.quarantines;
  }

 private:
  // What is to be judged; nothing when the view says already why there is nothing.
  std::vector<EndPair> find_ends(const ExplainQuery& query, ExplainView& view) const;

  World world_;
  Ask ask_;
  ExplainEnds ends_;
  PolicyEnds policy_ends_;
};

}  // namespace weft
