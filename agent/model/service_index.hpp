// Finds the services that a pod or workload concerns without looking at the others: by selector, and by the targets
// that EndpointSlices name. Part of fold; not persistent. Answers may hold a service too many, never one too few.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "agent/model/objects.hpp"

namespace weft {

class ServiceIndex {
 public:
  void add(const std::shared_ptr<const Service>& service);
  void remove(const Service& service);
  void add(const std::shared_ptr<const EndpointSlice>& slice);
  void remove(const EndpointSlice& slice);

  // Visits each service of namespace `space` whose selector matches.
  template <class Visit>
  void for_each_selecting(const std::string& space, const Labels& labels, Visit&& visit) const {
    for (const auto& [key, value] : labels) {
      auto it = selecting_.find(hash_of(space, key, value));
      if (it == selecting_.end()) continue;
      for (const auto& service : it->second)
        if (service->metadata.space == space && has_pair(*service, key, value) && selects(*service, labels))
          visit(service);
    }
  }
  template <class Visit>
  void for_each_targeting(const std::string& space, const std::string& name, Visit&& visit) const {
    auto [begin, end] = targeting_.equal_range(hash_of(space, name, {}));
    for (auto it = begin; it != end; ++it) visit(*it->second);
  }

  static bool selects(const Service& service, const Labels& labels);

 private:
  using Bucket = std::vector<std::shared_ptr<const Service>>;
  static std::uint64_t hash_of(std::string_view a, std::string_view b, std::string_view c);
  // Guards against two labels whose hashes fall into one bucket: a service is visited for a pair of its own selector.
  static bool has_pair(const Service& service, const std::string& key, const std::string& value);

  std::unordered_map<std::uint64_t, Bucket> selecting_;  // each service is filed under one pair of its selector
  std::unordered_multimap<std::uint64_t, const EndpointSlice*> targeting_;
};

}  // namespace weft
