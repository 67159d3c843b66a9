// Decisions of policy by the rule that made them, as series of one counter. Rows of the kernel come and go with the
// numbers of rules; a series goes on for as long as anything of its name is counted.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "agent/observe/names.hpp"
#include "weft/abi/pod.h"

namespace weft {

struct VerdictSample {
  weft_verdict_key key{};
  weft_verdict_count count{};  // summed over the CPUs
};

struct VerdictSeries {
  std::string labels;  // {direction="ingress",verdict="denied",policy="shop/web",rule="default"
  std::uint64_t value = 0;
};
using VerdictView = std::vector<VerdictSeries>;  // in the order of their labels

class VerdictBook {
 public:
  static constexpr std::uint64_t kIdleNs = 15ULL * 60 * 1'000'000'000;

  explicit VerdictBook(std::size_t max_series) : max_series_(max_series) {}
  // Holds for series that are new from now on; those beyond it are added up in _other.
  void set_max_series(std::size_t max_series) { max_series_ = max_series; }

  // All rows of the kernel, and their names as they are now.
  void update(std::span<const VerdictSample> samples, const NameSource& names);
  // Rows of rules that no policy has any more and that counted nothing for kIdleNs: may be deleted.
  std::vector<weft_verdict_key> expired(std::uint64_t now_ns) const;
  void forget(std::span<const weft_verdict_key> deleted);
  std::shared_ptr<const VerdictView> view() const;

 private:
  struct Series {
    std::uint64_t value = 0;
    std::size_t rows = 0;
  };
  using SeriesMap = std::map<std::string, Series>;  // by labels
  struct Row {
    weft_verdict_key key{};
    std::uint64_t decisions = 0;
    std::uint64_t last_ns = 0;
    SeriesMap::iterator series;
    bool named = false;
    bool lives = true;
    bool seen = true;
  };
  using Rows = std::map<std::uint64_t, Row>;  // by the bytes of the key
  SeriesMap::iterator series_for(const weft_verdict_key& key, const RuleWords* words);
  void attach(Row& row, const RuleWords* words);
  void release(SeriesMap::iterator series);

  std::size_t max_series_;
  Rows rows_;
  SeriesMap series_;
};

}  // namespace weft
