#include "agent/kernel/deny_tables.hpp"

#include "agent/kernel/addresses.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"

namespace weft {
namespace {

weft_network_key network_key(const Cidr& cidr) { return {cidr.bits, raw_address(cidr.address)}; }

template <class K>
Result<> put_all(const char* name, const Map<K, weft_denial>& map, const std::vector<K>& keys,
                 const std::vector<weft_denial>& rows) {
  if (map.put_many(keys, rows) < keys.size()) return fail_errno(errno, std::string("write ") + name);
  return {};
}

}  // namespace

DenyTables::DenyTables(const BpfObject& object)
    : addresses_(object.map_fd("weft_denied_addresses")),
      networks_(object.map_fd("weft_denied_networks")),
      sizes_(object.map_fd("weft_deny_sizes")),
      hits_(object.map_fd("weft_denial_hits"), possible_cpus().value_or(0)) {}

Result<DenyDump> DenyTables::dump() const {
  DenyDump dump;
  WEFT_TRY_AS("weft_denied_addresses", addresses_.for_each([&](const weft_address& key, const weft_denial& row) {
    dump.rows.emplace(Cidr{address_of(key), 128}, row);
  }));
  WEFT_TRY_AS("weft_denied_networks", networks_.for_each([&](const weft_network_key& key, const weft_denial& row) {
    dump.rows.emplace(Cidr{address_of(key.address), static_cast<std::uint8_t>(key.bits)}, row);
  }));
  sizes_.find(0, dump.sizes);
  return dump;
}

Result<weft_deny_sizes> DenyTables::max_entries() const {
  return weft_deny_sizes{WEFT_TRY(addresses_.max_entries()), WEFT_TRY(networks_.max_entries())};
}

Result<> DenyTables::put(const DenialRows& rows) const {
  std::vector<weft_address> addresses;
  std::vector<weft_network_key> networks;
  std::vector<weft_denial> of_addresses, of_networks;
  for (const auto& [cidr, row] : rows) {
    if (is_single(cidr))
      addresses.push_back(raw_address(cidr.address)), of_addresses.push_back(row);
    else
      networks.push_back(network_key(cidr)), of_networks.push_back(row);
  }
  WEFT_TRY(put_all("weft_denied_addresses", addresses_, addresses, of_addresses));
  return put_all("weft_denied_networks", networks_, networks, of_networks);
}

Result<> DenyTables::erase(const Cidr& cidr) const {
  return is_single(cidr) ? addresses_.erase(raw_address(cidr.address)) : networks_.erase(network_key(cidr));
}

Result<std::map<std::uint32_t, weft_denial_hits>> DenyTables::hits() const {
  std::map<std::uint32_t, weft_denial_hits> all;
  WEFT_TRY_AS("weft_denial_hits", hits_.for_each([&](std::uint32_t entry, const weft_denial_hits* parts) {
    auto& sum = all[entry];
    for (unsigned cpu = 0; cpu < hits_.cpus(); ++cpu) {
      sum.packets += parts[cpu].packets;
      sum.bytes += parts[cpu].bytes;
      sum.last_ns = std::max<std::uint64_t>(sum.last_ns, parts[cpu].last_ns);
    }
  }));
  return all;
}

}  // namespace weft
