// The tables of local pods' interfaces: which namespace is behind one, and what may be sent from there.
#pragma once

#include <map>
#include <set>
#include <utility>

#include "agent/base/address.hpp"
#include "agent/base/result.hpp"
#include "agent/kernel/map.hpp"
#include "weft/abi/pod.h"

namespace weft {

class BpfObject;

struct PodRows {
  std::map<std::uint32_t, std::int32_t> interfaces;  // index → number of the namespace
  std::set<std::pair<std::uint32_t, IpAddress>> sources;
  bool operator==(const PodRows&) const = default;
};

class PodTables {
 public:
  explicit PodTables(const BpfObject& object);

  Result<PodRows> dump() const;
  bool has_interface(std::uint32_t interface, std::int32_t netns_id) const;
  bool has_source(std::uint32_t interface, const IpAddress& address) const;
  Result<> put_interface(std::uint32_t interface, std::int32_t netns_id) const;
  Result<> erase_interface(std::uint32_t interface) const;
  Result<> put_source(std::uint32_t interface, const IpAddress& address) const;
  Result<> erase_source(std::uint32_t interface, const IpAddress& address) const;

 private:
  Map<std::uint32_t, weft_interface> interfaces_;
  Map<weft_source_key, std::uint32_t> sources_;
};

}  // namespace weft
