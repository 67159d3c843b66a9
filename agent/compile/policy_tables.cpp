#include "agent/compile/policy_tables.hpp"

#include <fmt/format.h>

namespace weft {

std::string RuleName::text() const {
  auto side = direction == WEFT_INGRESS ? "ingress" : "egress";
  if (index == kIsolates) return fmt::format("{} {}", policy.text(), side);
  return fmt::format("{} {}[{}]{}", policy.text(), side, index, name.empty() ? "" : " " + name);
}

std::size_t SubjectTable::row_count() const {
  std::size_t count = 0;
  for (const auto& [peer, index] : peers) count += templates[index].size();
  return count;
}

std::size_t PolicyTables::row_count() const {
  std::size_t count = 0;
  for (const auto& [id, subject] : subjects) count += subject->row_count();
  return count;
}

}  // namespace weft
