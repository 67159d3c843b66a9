#include "agent/model/controller_labels.hpp"

#include <algorithm>
#include <array>

namespace weft {
namespace {

// Unless a policy names one it makes no class of its own: a StatefulSet of 100 pods is one class, not 100.
constexpr std::array<std::string_view, 10> kControllerLabels{
    "apps.kubernetes.io/pod-index",
    "batch.kubernetes.io/controller-uid",
    "batch.kubernetes.io/job-completion-index",
    "batch.kubernetes.io/job-name",
    "controller-revision-hash",
    "controller-uid",
    "job-name",
    "pod-template-generation",
    "pod-template-hash",
    "statefulset.kubernetes.io/pod-name",
};
static_assert(std::ranges::is_sorted(kControllerLabels));

}  // namespace

bool is_controller_label(std::string_view label) { return std::ranges::binary_search(kControllerLabels, label); }

Labels lasting_labels(const Labels& labels) {
  Labels out;
  for (const auto& [key, value] : labels)
    if (!is_controller_label(key)) out.emplace(key, value);
  return out;
}

}  // namespace weft
