// mesh.weft.dev/v1alpha1 DenyList: addresses that this node drops as they arrive.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/cidr.hpp"
#include "agent/model/objects.hpp"

namespace weft {

inline constexpr std::size_t kMostDeniedBlocks = 65536;  // of one list: more do not fit into 1 MiB of manifest

struct DenyList {
  Metadata metadata;
  std::vector<Cidr> cidrs;
  std::uint64_t ttl_s = 0;     // 0: for ever
  std::int64_t created_s = 0;  // since 1970, metadata.creationTimestamp; 0: it has none
  bool operator==(const DenyList&) const = default;
};

// "203.0.113.0/24", or a single address.
Result<Cidr> parse_denied(std::string_view text);

// Why nobody may deny the block without forcing it; empty when they may.
std::string_view lockout_of(const Cidr& cidr);

}  // namespace weft
