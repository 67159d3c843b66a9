// The kernel's deny list: what is in it, and what it met.
#pragma once

#include <map>
#include <vector>

#include "agent/base/cidr.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/map.hpp"
#include "weft/abi/deny.h"
#include "weft/abi/policy.h"

namespace weft {

class BpfObject;

using DenialRows = std::map<Cidr, weft_denial>;  // single addresses and blocks alike

struct DenyDump {
  DenialRows rows;
  weft_deny_sizes sizes{};
};

class DenyTables {
 public:
  explicit DenyTables(const BpfObject& object);

  Result<DenyDump> dump() const;
  // Room for single addresses and for blocks.
  Result<weft_deny_sizes> max_entries() const;
  // Stops at the first row that the kernel refuses.
  Result<> put(const DenialRows& rows) const;
  Result<> erase(const Cidr& cidr) const;
  Result<> put_sizes(const weft_deny_sizes& sizes) const { return sizes_.put(0, sizes); }

  // By entry, summed over processors.
  Result<std::map<std::uint32_t, weft_denial_hits>> hits() const;
  Result<> forget_hits(std::uint32_t entry) const { return hits_.erase(entry); }

 private:
  Map<weft_address, weft_denial> addresses_;
  Map<weft_network_key, weft_denial> networks_;
  Map<std::uint32_t, weft_deny_sizes> sizes_;
  PerCpuMap<std::uint32_t, weft_denial_hits> hits_;
};

// Whether the table of single addresses holds it.
inline bool is_single(const Cidr& cidr) { return cidr.bits == 128; }

}  // namespace weft
