// Which service has which frontend when several claim it: the first by namespace and name. Kept up to date service by
// service, so that one change looks only at the services that claim the same addresses.
#pragma once

#include <unordered_map>
#include <vector>

#include "agent/compile/abi.hpp"
#include "agent/compile/id_giver.hpp"

namespace weft {

class Claims {
 public:
  using Keys = std::vector<weft_service_key>;  // sorted by bytes, no duplicates

  explicit Claims(const NameGivers& names) : names_(names) {}

  // `service` claims `after` where it claimed `before`. Appends the other services for which something changed: they
  // won or lost a key, or lost it to another one. May append one several times.
  void update(std::uint32_t service, const Keys& before, const Keys& after, std::vector<std::uint32_t>& affected);

  // The service that has the key; 0: nobody claims it.
  std::uint32_t winner(const weft_service_key& key) const;

 private:
  void add(std::uint32_t service, const weft_service_key& key, std::vector<std::uint32_t>& affected);
  void remove(std::uint32_t service, const weft_service_key& key, std::vector<std::uint32_t>& affected);

  const NameGivers& names_;
  std::unordered_map<weft_service_key, std::uint32_t, BytesHash<weft_service_key>, BytesEqual<weft_service_key>>
      winners_;
  // Keys that two or more services claim → all of them, the winner first.
  std::unordered_map<weft_service_key, std::vector<std::uint32_t>, BytesHash<weft_service_key>,
                     BytesEqual<weft_service_key>>
      contested_;
};

}  // namespace weft
