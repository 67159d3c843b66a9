// The ledger's page about weft_services: every frontend, also by the service that has it.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/reconcile/tables.hpp"

namespace weft {

class ServiceBook {
 public:
  using Keys = std::vector<weft_service_key>;  // sorted by bytes

  const weft_service* find(const weft_service_key& key) const;
  // Puts, or for nothing removes, a row. Returns what was there.
  std::optional<weft_service> set(const weft_service_key& key, const std::optional<weft_service>& row);
  const Keys& keys_of(std::uint32_t service) const;
  std::vector<std::uint32_t> services() const;
  std::size_t size() const { return rows_.size(); }
  template <class F>
  void for_each(F&& visit) const {
    for (const auto& [key, row] : rows_) visit(key, row);
  }

 private:
  struct Hash {
    std::size_t operator()(const weft_service_key& key) const {
      return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&key), sizeof(key)});
    }
  };
  struct Equal {
    bool operator()(const weft_service_key& a, const weft_service_key& b) const { return same_bytes(a, b); }
  };
  void remove_key(std::uint32_t service, const weft_service_key& key);

  std::unordered_map<weft_service_key, weft_service, Hash, Equal> rows_;
  std::unordered_map<std::uint32_t, Keys> by_service_;
};

}  // namespace weft
