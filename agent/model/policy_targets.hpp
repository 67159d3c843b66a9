// Whom selections of policies mean, looked for in all namespaces at once. Refers to the snapshot it was made from.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/model/snapshot.hpp"

namespace weft {

class PolicyTargets {
 public:
  // A pod or Workload as selectors see it. Pods in the host's network are none.
  struct Target {
    const Labels* labels;
    const std::vector<NamedPort>* ports;
  };
  using Targets = std::vector<Target>;

  explicit PolicyTargets(const Snapshot& snapshot);
  // `space`: the namespace of the policy.
  Targets selected(const PodSelection& selection, const std::string& space) const;
  std::size_t count(const PodSelection& selection, const std::string& space) const;

 private:
  struct Space {
    Labels labels;
    Targets targets;
  };
  template <class F>
  void for_each_selected(const PodSelection& selection, const std::string& space, F&& visit) const;

  std::map<std::string, Space> spaces_;
};

}  // namespace weft
