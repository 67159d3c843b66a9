#include "agent/kernel/pod_tables.hpp"

#include "agent/kernel/addresses.hpp"
#include "agent/kernel/object.hpp"

namespace weft {
namespace {

weft_source_key source_key(std::uint32_t interface, const IpAddress& address) {
  return {interface, raw_address(address)};
}

}  // namespace

PodTables::PodTables(const BpfObject& object)
    : interfaces_(object.map_fd("weft_interfaces")), sources_(object.map_fd("weft_sources")) {}

Result<PodRows> PodTables::dump() const {
  PodRows rows;
  WEFT_TRY_AS("weft_interfaces", interfaces_.for_each([&](std::uint32_t interface, const weft_interface& row) {
    rows.interfaces.emplace(interface, row.netns_id);
  }));
  WEFT_TRY_AS("weft_sources", sources_.for_each([&](const weft_source_key& key, std::uint32_t) {
    rows.sources.emplace(key.interface, address_of(key.address));
  }));
  return rows;
}

bool PodTables::has_interface(std::uint32_t interface, std::int32_t netns_id) const {
  weft_interface row{};
  return interfaces_.find(interface, row) && row.netns_id == netns_id;
}

bool PodTables::has_source(std::uint32_t interface, const IpAddress& address) const {
  std::uint32_t row = 0;
  return sources_.find(source_key(interface, address), row);
}

Result<> PodTables::put_interface(std::uint32_t interface, std::int32_t netns_id) const {
  WEFT_TRY_AS("weft_interfaces", interfaces_.put(interface, weft_interface{netns_id, 0}));
  return {};
}

Result<> PodTables::erase_interface(std::uint32_t interface) const { return interfaces_.erase(interface); }

Result<> PodTables::put_source(std::uint32_t interface, const IpAddress& address) const {
  WEFT_TRY_AS("weft_sources", sources_.put(source_key(interface, address), 0));
  return {};
}

Result<> PodTables::erase_source(std::uint32_t interface, const IpAddress& address) const {
  return sources_.erase(source_key(interface, address));
}

}  // namespace weft
