// Tries and drafts policies on a thread of its own: compiling a candidate takes longer than the loop may stand still.
// One at a time; whoever comes meanwhile is told to come again.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "agent/api/policy_trial.hpp"
#include "agent/compile/compiled.hpp"
#include "agent/model/seen.hpp"

namespace weft {

// What was seen, and the mesh as it is.
struct SeenMesh {
  std::shared_ptr<const Snapshot> snapshot;
  NodeFacts facts;
  std::vector<SeenConnections> seen;
  std::int64_t since_ns = 0;
  std::int64_t until_ns = 0;
  std::uint64_t unrecorded = 0;
};

PolicyTrialView try_request(const PolicyTryRequest& request, const SeenMesh& mesh);
PolicySuggestionView suggest_request(const PolicySuggestRequest& request, const SeenMesh& mesh);

class PolicyDesk {
 public:
  using Task = std::move_only_function<void()>;
  // `post` runs a task on the loop; called from the thread of the work.
  explicit PolicyDesk(std::function<void(Task)> post) : post_(std::move(post)) {}

  bool busy() const { return busy_; }
  // Not while busy(). `done` is called on the loop.
  template <class View>
  void start(std::move_only_function<View()> work, std::move_only_function<void(Result<View>)> done) {
    busy_ = true;
    worker_ = std::jthread([this, work = std::move(work), done = std::move(done)]() mutable {
      post_([this, view = work(), done = std::move(done)]() mutable {
        busy_ = false;
        done(std::move(view));
      });
    });
  }

 private:
  std::function<void(Task)> post_;
  bool busy_ = false;  // of the loop
  std::jthread worker_;
};

}  // namespace weft
