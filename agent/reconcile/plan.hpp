// An ordered list of map writes that takes the kernel from one state to another: make before break. Every prefix leaves
// the maps consistent: no slot names a missing endpoint, no service a missing slot.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "agent/reconcile/tables.hpp"

namespace weft {

struct PutEndpoint {
  std::uint32_t id;
  weft_endpoint row;
};
struct PutSlots {
  std::uint32_t first;
  std::vector<std::uint32_t> endpoints;  // ids
};
struct PutService {
  weft_service_key key;
  weft_service row;
};
struct RemoveService {
  weft_service_key key;
};
struct ClearEndpoint {  // its grace is over
  std::uint32_t id;
};
struct PutOwner {
  weft_owner_key key;
  weft_owner row;
};
struct RemoveOwner {
  weft_owner_key key;
};
struct PutProcess {
  weft_process_key key;
  std::uint32_t workload;
};
struct RemoveProcess {
  weft_process_key key;
};
struct PutSettings {
  weft_settings row;
};

using Step = std::variant<PutEndpoint, PutSlots, PutService, RemoveService, ClearEndpoint, PutOwner, RemoveOwner,
                          PutProcess, RemoveProcess, PutSettings>;

struct Plan {
  std::vector<Step> steps;
  bool empty() const { return steps.empty(); }
};

// What became of a plan: steps before `done` got in; when done < steps.size(), `code` and `what` tell why the next did
// not. The caller plans again from what really got in.
struct PlanOutcome {
  std::size_t done = 0;
  int code = 0;  // errno
  std::string what;
};

}  // namespace weft
