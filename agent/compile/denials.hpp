// Who is denied until when, from every list and command together. Pure: times are parameters.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "agent/base/cidr.hpp"

namespace weft {

inline constexpr std::int64_t kForEver = 0;

class Denials {
 public:
  using Ends = std::map<Cidr, std::int64_t>;  // nanoseconds since 1970; kForEver

  // Of several wishes for a block the one that ends last counts; what has ended by `now_ns` is none.
  void add(const Cidr& cidr, std::int64_t until_ns, std::int64_t now_ns);
  const Ends& ends() const { return ends_; }
  // The kernel finds the longest block that holds an address only: a block is denied for as long as any around it.
  Ends for_kernel() const;
  // When the first of them ends; kForEver when none does.
  std::int64_t next_end() const;

 private:
  Ends ends_;
};

}  // namespace weft
