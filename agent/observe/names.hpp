// What observe asks of the numeric names: a look-up that the compiler's tables satisfy, without knowing them. Interned
// copies live as long as a flow or an edge needs them, whatever happens to the object meanwhile.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/model/snapshot.hpp"
#include "weft/abi/flow.h"

namespace weft {

// What a rule's number stands for, in the words of flows and metrics.
struct RuleWords {
  std::string kind;       // "NetworkPolicy"
  NamespacedName policy;  // the namespace is empty for cluster-wide ones
  std::string rule;       // its own name, "ingress[0]", or "default": what no rule of an isolating policy allows
  std::string tier;       // "Admin", "NetworkPolicy", "Baseline"
};

class NameSource {
 public:
  virtual ~NameSource() = default;
  virtual const NamespacedName* find_workload(std::uint32_t id) const = 0;
  virtual const NamespacedName* find_service(std::uint32_t id) const = 0;
  virtual const std::string* find_zone(std::uint16_t id) const = 0;
  // False once no object claims the workload any more; its name may stay known.
  virtual bool workload_lives(std::uint32_t id) const = 0;
  virtual std::optional<RuleWords> find_rule(std::uint32_t) const { return std::nullopt; }
  // False once no policy has the rule any more; its name may stay known.
  virtual bool rule_lives(std::uint32_t) const { return true; }
};

// Over any struct whose workloads, services and zones have find_value(id) -> const V*. `live` is sorted and may be
// null: then every workload with a name lives.
template <class Names>
class NamesOf final : public NameSource {
 public:
  NamesOf(std::shared_ptr<const Names> names, std::shared_ptr<const std::vector<std::uint32_t>> live)
      : names_(std::move(names)), live_(std::move(live)) {}
  const NamespacedName* find_workload(std::uint32_t id) const override { return names_->workloads.find_value(id); }
  const NamespacedName* find_service(std::uint32_t id) const override { return names_->services.find_value(id); }
  const std::string* find_zone(std::uint16_t id) const override { return names_->zones.find_value(id); }
  bool workload_lives(std::uint32_t id) const override {
    return live_ ? std::binary_search(live_->begin(), live_->end(), id) : find_workload(id) != nullptr;
  }

 private:
  std::shared_ptr<const Names> names_;
  std::shared_ptr<const std::vector<std::uint32_t>> live_;
};

// Sorted ids of the workloads that own an address.
std::vector<std::uint32_t> live_workloads(std::span<const std::pair<weft_owner_key, weft_owner>> owners);

// Names that are not objects have an empty namespace: "unknown", "world", "host", and "none" for no service.
using SharedName = std::shared_ptr<const NamespacedName>;
using SharedRule = std::shared_ptr<const RuleWords>;

// One shared copy per id. Bounded: forgets everything when full, which costs look-ups and no correctness.
class NameCache {
 public:
  static constexpr std::size_t kMaxNames = 65536;  // per kind; about 8 MiB of names

  SharedName workload(std::uint32_t id, const NameSource& names);
  SharedName service(std::uint32_t id, const NameSource& names);  // null for id 0: no service was involved
  SharedRule rule(std::uint32_t id, const NameSource& names);     // null for id 0 and for what is not known (yet)

 private:
  std::unordered_map<std::uint32_t, SharedName> workloads_;
  std::unordered_map<std::uint32_t, SharedName> services_;
  std::unordered_map<std::uint32_t, SharedRule> rules_;
};

SharedName unknown_name();

// "shop/web", or "world" for a name without a namespace.
std::string name_text(const NamespacedName& name);

}  // namespace weft
