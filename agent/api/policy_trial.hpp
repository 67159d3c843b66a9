// What other policies would mean for connections that were seen, and what policies they need: POST /api/v1/policy/try
// and /api/v1/policy/suggest.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/model/objects.hpp"
#include "agent/observe/names.hpp"

namespace weft {

struct PolicyTryRequest {
  struct File {
    std::string name;  // for messages; its ending tells YAML from JSON
    std::string text;
  };
  std::vector<File> files;
  std::chrono::seconds last{3600};
  bool remove = false;  // take the objects of the files away
};

struct PolicySuggestRequest {
  NamespacedName workload;  // namespace and name, each empty for all
  std::chrono::seconds last{3600};
};

inline constexpr std::size_t kMaxTryFiles = 1000;
// The error names the field that is wrong.
Result<PolicyTryRequest> parse_policy_try(std::string_view body);
Result<PolicySuggestRequest> parse_policy_suggest(std::string_view body);

// What connections an answer is about.
struct SeenView {
  std::int64_t since_ns = 0;  // since 1970; the agent may have begun to look later than was asked for
  std::int64_t until_ns = 0;
  std::uint64_t connections = 0;
  std::uint64_t unrecorded = 0;  // that had no room, since the agent started
};

struct TrialEdgeView {
  NamespacedName source;  // an address in the second, where the first is empty
  NamespacedName destination;
  std::uint16_t port = 0;
  std::string protocol;
  std::uint64_t connections = 0;
  std::int64_t last_ns = 0;
  std::string direction;  // "ingress", "egress"
  std::optional<RuleWords> decided_by;
  std::string detail;
};

struct PolicyTrialView {
  struct Part {
    std::uint64_t connections = 0;
    std::uint64_t edges = 0;
    std::vector<TrialEdgeView> items;  // the first of them
  };
  static constexpr std::size_t kMostItems = 1000;

  std::vector<Diagnostic> refused;  // not empty: a file is wrong, and nothing was tried
  SeenView seen;
  std::uint64_t objects = 0;  // of the files that were tried
  std::uint64_t ignored = 0;  // of kinds that are not
  std::uint64_t absent = 0;   // to be taken away, and not there
  Part newly_denied;
  Part newly_allowed;
};

struct PolicyDraftView {
  NamespacedName workload;
  std::string manifest;
  std::string problem;
  std::uint64_t connections = 0;
  std::uint64_t inexpressible = 0;
};

struct PolicySuggestionView {
  SeenView seen;
  std::vector<PolicyDraftView> items;
};

std::string policy_trial_json(const PolicyTrialView& view);  // PolicyTrial, or Error when something was refused
std::string policy_suggestion_json(const PolicySuggestionView& view);

}  // namespace weft
