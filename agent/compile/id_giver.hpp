// Gives numeric names: the same name gets the same id for as long as the giver lives, and no id is given twice.
#pragma once

#include <unordered_set>

#include "agent/compile/names.hpp"
#include "weft/abi/types.h"

namespace weft {

template <class Id, class Name, class NameHash>
class IdGiver {
 public:
  // Ids from `first` to `last`, at most `most` of them; `given` are taken already.
  IdGiver(IdMap<Id, Name> given, Id first, Id last, std::size_t most)
      : names_(std::move(given)),
        first_(first),
        last_(last),
        most_(most),
        next_(first),
        ids_(16, Hash{&names_}, Equal{&names_}) {
    for (const auto& [id, name] : names_) {
      ids_.insert(id);
      if (id >= next_) next_ = id == last_ ? first_ : static_cast<Id>(id + 1);
    }
  }
  IdGiver(const IdGiver&) = delete;
  IdGiver& operator=(const IdGiver&) = delete;

  // 0 when there are no ids left.
  Id get(const Name& name) {
    if (auto known = ids_.find(name); known != ids_.end()) return *known;
    if (names_.size() >= most_) return 0;
    while (names_.contains(next_)) advance();
    Id id = next_;
    names_.emplace(id, name);
    ids_.insert(id);
    advance();
    return id;
  }
  Id find(const Name& name) const {
    auto known = ids_.find(name);
    return known == ids_.end() ? Id{0} : *known;
  }
  const IdMap<Id, Name>& names() const { return names_; }

 private:
  // Ids hash and compare as the names they stand for, so that no name is kept twice.
  struct Hash {
    using is_transparent = void;
    const IdMap<Id, Name>* names;
    std::size_t operator()(const Name& name) const { return NameHash{}(name); }
    std::size_t operator()(Id id) const { return NameHash{}(*names->find_value(id)); }
  };
  struct Equal {
    using is_transparent = void;
    const IdMap<Id, Name>* names;
    const Name& of(Id id) const { return *names->find_value(id); }
    const Name& of(const Name& name) const { return name; }
    bool operator()(const auto& a, const auto& b) const { return of(a) == of(b); }
  };
  void advance() { next_ = next_ == last_ ? first_ : static_cast<Id>(next_ + 1); }

  IdMap<Id, Name> names_;
  Id first_;
  Id last_;
  std::size_t most_;
  Id next_;
  std::unordered_set<Id, Hash, Equal> ids_;
};

// All the givers of a Compiler.
class NameGivers {
 public:
  explicit NameGivers(Names given)
      : workloads_(std::move(given.workloads), WEFT_IDENTITY_FIRST, 0x7fffffff, kMaxWorkloadNames),
        services_(std::move(given.services), 1, UINT32_MAX, kMaxServiceNames),
        zones_(std::move(given.zones), 1, UINT16_MAX, kMaxZoneNames) {}

  std::uint32_t workload(const NamespacedName& name) { return workloads_.get(name); }
  std::uint32_t service(const NamespacedName& name) { return services_.get(name); }
  std::uint32_t find_service(const NamespacedName& name) const { return services_.find(name); }
  const NamespacedName& service_name(std::uint32_t id) const { return *services_.names().find_value(id); }
  // The empty zone is unknown: 0.
  std::uint16_t zone(const std::string& name) { return name.empty() ? std::uint16_t{0} : zones_.get(name); }

  std::size_t size() const { return workloads_.names().size() + services_.names().size() + zones_.names().size(); }
  Names names() const { return {workloads_.names(), services_.names(), zones_.names()}; }

 private:
  IdGiver<std::uint32_t, NamespacedName, NamespacedNameHash> workloads_;
  IdGiver<std::uint32_t, NamespacedName, NamespacedNameHash> services_;
  IdGiver<std::uint16_t, std::string, std::hash<std::string>> zones_;
};

}  // namespace weft
