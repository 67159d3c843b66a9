#include "agent/model/service_index.hpp"

#include <algorithm>

namespace weft {

std::uint64_t ServiceIndex::hash_of(std::string_view a, std::string_view b, std::string_view c) {
  std::uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a, with a separator that names cannot contain
  for (auto part : {a, b, c}) {
    for (char byte : part) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL;
    hash = (hash ^ 0xFF) * 0x100000001B3ULL;
  }
  return hash;
}

bool ServiceIndex::selects(const Service& service, const Labels& labels) {
  if (!service.selector || service.selector->empty()) return false;
  return std::ranges::all_of(*service.selector, [&](const auto& wanted) {
    auto it = labels.find(wanted.first);
    return it != labels.end() && it->second == wanted.second;
  });
}

bool ServiceIndex::has_pair(const Service& service, const std::string& key, const std::string& value) {
  auto it = service.selector->find(key);
  return it != service.selector->end() && it->second == value;
}

// The pair with the fewest services so far: labels that everybody has ("part-of: shop") would make one long bucket.
void ServiceIndex::add(const std::shared_ptr<const Service>& service) {
  if (!service->selector) return;
  Bucket* shortest = nullptr;
  for (const auto& [key, value] : *service->selector) {
    auto& bucket = selecting_[hash_of(service->metadata.space, key, value)];
    if (shortest == nullptr || bucket.size() < shortest->size()) shortest = &bucket;
  }
  if (shortest != nullptr) shortest->push_back(service);
}

void ServiceIndex::remove(const Service& service) {
  if (!service.selector) return;
  for (const auto& [key, value] : *service.selector) {
    auto it = selecting_.find(hash_of(service.metadata.space, key, value));
    if (it == selecting_.end()) continue;
    std::erase_if(it->second, [&](const auto& other) { return other.get() == &service; });
    if (it->second.empty()) selecting_.erase(it);
  }
}

void ServiceIndex::add(const std::shared_ptr<const EndpointSlice>& slice) {
  for (const auto& endpoint : slice->endpoints)
    if (!endpoint.target_name.empty())
      targeting_.emplace(hash_of(endpoint.target_space, endpoint.target_name, {}), slice.get());
}

void ServiceIndex::remove(const EndpointSlice& slice) {
  for (const auto& endpoint : slice.endpoints) {
    if (endpoint.target_name.empty()) continue;
    auto [begin, end] = targeting_.equal_range(hash_of(endpoint.target_space, endpoint.target_name, {}));
    auto it = std::find_if(begin, end, [&](const auto& entry) { return entry.second == &slice; });
    if (it != end) targeting_.erase(it);
  }
}

}  // namespace weft
