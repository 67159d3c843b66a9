// Numeric names in the state directory, so that counters in the kernel keep their names over a restart.
#pragma once

#include <filesystem>
#include <memory>

#include "agent/base/result.hpp"
#include "agent/compile/names.hpp"
#include "agent/compile/rule_names.hpp"
#include "agent/reconcile/tables.hpp"

namespace weft {

class NamesStore {
 public:
  static constexpr const char* kNamesFile = "names.json";
  static constexpr const char* kRulesFile = "rules.json";

  // Creates the directory when it is missing (0750).
  static Result<NamesStore> open(const std::filesystem::path& directory);

  // What the last agent knew, without names that neither `maps` nor `edges` refer to. A damaged file is told by the
  // error; it was put aside, so that the caller may start fresh.
  Result<Names> load(const Tables& maps, const std::vector<weft_edge_key>& edges) const;
  // Writes when `names` is not what was written last.
  Result<> save(const std::shared_ptr<const Names>& names);
  // Numbers of policy rules, in a file of their own.
  Result<RuleNames> load_rules() const;
  Result<> save_rules(const std::shared_ptr<const RuleNames>& rules);

 private:
  explicit NamesStore(const std::filesystem::path& directory)
      : file_(directory / kNamesFile), rules_file_(directory / kRulesFile) {}
  std::filesystem::path file_;
  std::filesystem::path rules_file_;
  std::shared_ptr<const RuleNames> saved_rules_;
  std::shared_ptr<const Names> saved_;
  std::size_t saved_count_ = 0;
};

}  // namespace weft
