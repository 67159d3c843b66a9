// Which pod has an address now. Follows snapshots by looking only at what changed.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "agent/model/snapshot.hpp"

namespace weft {

class PodIndex {
 public:
  void update(const std::shared_ptr<const Snapshot>& snapshot);
  // Null when no running pod has the address or pods share it with their node.
  std::shared_ptr<const Pod> find_pod(const IpAddress& address) const;
  std::size_t size() const { return pods_.size(); }

 private:
  void remove(const Pod& pod);
  void add(const std::shared_ptr<const Pod>& pod);

  std::shared_ptr<const Snapshot> snapshot_;
  std::unordered_map<IpAddress, std::shared_ptr<const Pod>> pods_;
};

}  // namespace weft
