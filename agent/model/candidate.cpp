#include "agent/model/candidate.hpp"

namespace weft {
namespace {

class Changes {
 public:
  Changes(const Snapshot& now, CandidateMode mode) : snapshot_(std::make_shared<Snapshot>(now)), mode_(mode) {}

  void operator()(const std::shared_ptr<const Namespace>& object) {
    apply(snapshot_->namespaces, {"", object->metadata.name}, object);
  }
  void operator()(const std::shared_ptr<const NetworkPolicy>& object) {
    apply(snapshot_->network_policies, name_of(object->metadata), enforced(object));
  }
  void operator()(const std::shared_ptr<const ClusterNetworkPolicy>& object) {
    apply(snapshot_->cluster_policies, name_of(object->metadata), enforced(object));
  }
  template <class T>
  void operator()(const std::shared_ptr<const T>&) {
    ++result_.ignored;
  }

  Candidate finish() {
    result_.snapshot = std::move(snapshot_);
    return std::move(result_);
  }

 private:
  static NamespacedName name_of(const Metadata& metadata) { return {metadata.space, metadata.name}; }

  template <class T>
  static std::shared_ptr<const T> enforced(const std::shared_ptr<const T>& policy) {
    if (!policy->audit) return policy;
    auto copy = std::make_shared<T>(*policy);
    copy->audit = false;
    return copy;
  }

  template <class Map, class T>
  void apply(Map& map, const NamespacedName& name, std::shared_ptr<const T> object) {
    if (mode_ == CandidateMode::kPut) {
      map.put(name, std::move(object));
      ++result_.objects;
    } else {
      ++(map.erase(name) ? result_.objects : result_.absent);
    }
  }

  std::shared_ptr<Snapshot> snapshot_;
  CandidateMode mode_;
  Candidate result_;
};

}  // namespace

Candidate make_candidate(const Snapshot& now, const std::vector<Decoded>& files, CandidateMode mode) {
  Changes changes(now, mode);
  for (const auto& file : files)
    for (const auto& item : file.objects) std::visit(changes, item.object);
  return changes.finish();
}

}  // namespace weft
