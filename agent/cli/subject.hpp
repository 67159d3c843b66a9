// What a NAME on the command line means: a pod, a workload or a service, in this order, or an address.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/cli/outcome.hpp"
#include "agent/cli/source.hpp"

namespace weft::cli {

struct Subject {
  using Names = std::set<std::pair<std::string, std::string>>;  // namespace, name
  enum class Kind { kPod, kWorkload, kService, kAddress };

  Kind kind = Kind::kAddress;
  Names workloads;                  // the pod's owner, the workload itself, or the owners of the address
  Names services;                   // the service itself, or those with the address
  std::set<std::string> addresses;  // of the pod, the workload or the service; the address itself
};

struct NameWords {
  std::string space;  // empty: any namespace
  std::string name;
};
NameWords split_name(const std::string& text, const std::string& space);
bool is_named(const nlohmann::json& item, const NameWords& words);

// Looks `text` up in the lists of workloads and services. Pure.
Outcome<Subject> resolve_subject(const std::string& text, const std::string& space, const nlohmann::json& workloads,
                                 const nlohmann::json& services);

// Those of `items`, all of one kind, that belong to the subject.
nlohmann::json matching_items(const std::string& kind, const nlohmann::json& items, const Subject& subject);

}  // namespace weft::cli
