#include "agent/compile/denials.hpp"

#include <algorithm>

namespace weft {
namespace {

std::int64_t later_of(std::int64_t a, std::int64_t b) {
  return a == kForEver || b == kForEver ? kForEver : std::max(a, b);
}

}  // namespace

void Denials::add(const Cidr& cidr, std::int64_t until_ns, std::int64_t now_ns) {
  if (until_ns != kForEver && until_ns <= now_ns) return;
  auto [it, fresh] = ends_.emplace(cidr, until_ns);
  if (!fresh) it->second = later_of(it->second, until_ns);
}

// In the order of blocks each follows those that hold it.
Denials::Ends Denials::for_kernel() const {
  Ends out;
  std::vector<std::pair<Cidr, std::int64_t>> around;
  for (const auto& [cidr, until_ns] : ends_) {
    while (!around.empty() && !around.back().first.contains(cidr)) around.pop_back();
    auto end = around.empty() ? until_ns : later_of(until_ns, around.back().second);
    out.emplace_hint(out.end(), cidr, end);
    around.emplace_back(cidr, end);
  }
  return out;
}

std::int64_t Denials::next_end() const {
  std::int64_t next = kForEver;
  for (const auto& [cidr, until_ns] : ends_)
    if (until_ns != kForEver && (next == kForEver || until_ns < next)) next = until_ns;
  return next;
}

}  // namespace weft
