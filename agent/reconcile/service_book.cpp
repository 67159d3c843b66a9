#include "agent/reconcile/service_book.hpp"

#include <algorithm>

namespace weft {

const weft_service* ServiceBook::find(const weft_service_key& key) const {
  auto it = rows_.find(key);
  return it == rows_.end() ? nullptr : &it->second;
}

std::optional<weft_service> ServiceBook::set(const weft_service_key& key, const std::optional<weft_service>& row) {
  std::optional<weft_service> before;
  if (const auto* old = find(key)) before = *old;
  if (before && (!row || row->service != before->service)) remove_key(before->service, key);
  if (!row) {
    rows_.erase(key);
    return before;
  }
  rows_.insert_or_assign(key, *row);
  if (!before || before->service != row->service) {
    auto& keys = by_service_[row->service];
    keys.insert(std::lower_bound(keys.begin(), keys.end(), key, ByteLess<weft_service_key>{}), key);
  }
  return before;
}

const ServiceBook::Keys& ServiceBook::keys_of(std::uint32_t service) const {
  static const Keys none;
  auto it = by_service_.find(service);
  return it == by_service_.end() ? none : it->second;
}

std::vector<std::uint32_t> ServiceBook::services() const {
  std::vector<std::uint32_t> ids;
  ids.reserve(by_service_.size());
  for (const auto& [id, keys] : by_service_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  return ids;
}

void ServiceBook::remove_key(std::uint32_t service, const weft_service_key& key) {
  auto& keys = by_service_[service];
  keys.erase(std::lower_bound(keys.begin(), keys.end(), key, ByteLess<weft_service_key>{}));
  if (keys.empty()) by_service_.erase(service);
}

}  // namespace weft
