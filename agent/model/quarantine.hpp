// Workloads that somebody cut off from everything but their own node, and the policy that does it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "agent/model/policy.hpp"
#include "agent/model/snapshot.hpp"

namespace weft {

struct QuarantineNote {
  std::int64_t since_ns = 0;  // since 1970
  std::uint32_t uid = 0;      // of who ordered it
  std::string reason;
  bool operator==(const QuarantineNote&) const = default;
};

using Quarantines = std::map<NamespacedName, QuarantineNote>;  // by namespace and workload

// Denies everything both ways. Packets of the own node are decided before policy, and so are the answers to them.
std::shared_ptr<const Policy> make_quarantine_policy(const NamespacedName& workload);

}  // namespace weft
