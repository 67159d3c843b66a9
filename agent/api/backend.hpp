// What the API server asks of the agent. Every call comes from the loop thread and must not block it.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "agent/api/explain.hpp"
#include "agent/api/mitigation.hpp"
#include "agent/api/policy_trial.hpp"
#include "agent/api/views.hpp"
#include "agent/base/result.hpp"
#include "agent/observe/flow_log.hpp"
#include "agent/observe/metrics_page.hpp"

namespace weft {

using PolicyTrialDone = std::move_only_function<void(Result<PolicyTrialView>)>;
using PolicySuggestionDone = std::move_only_function<void(Result<PolicySuggestionView>)>;

class Backend {
 public:
  virtual ~Backend() = default;

  virtual Readiness readiness() const = 0;
  virtual StatusView status() const = 0;
  virtual std::vector<CheckView> checks() const = 0;
  // In the order of their names; the name of endpoints is their service's.
  virtual Source<ServiceView> services(const ListQuery& query) const = 0;
  virtual Source<EndpointView> endpoints(const ListQuery& query) const = 0;
  virtual Source<WorkloadView> workloads(const ListQuery& query) const = 0;
  virtual Source<IdentityView> identities(const ListQuery& query) const = 0;
  // In the order of tiers, priorities and names.
  virtual Source<PolicyView> policies(const ListQuery& query) const = 0;
  // Open connections as flows of kind open whose duration is their age. Fails when the kernel cannot list them.
  virtual Result<Source<Flow>> connections() = 0;
  // The answers in the order of the questions; each is made when it is taken.
  virtual Source<ExplainView> explain(std::vector<ExplainQuery> queries) = 0;
  // Call `done` once, on the loop thread, now or later. EBUSY: another one is under way.
  virtual void try_policies(PolicyTryRequest request, PolicyTrialDone done) = 0;
  virtual void suggest_policies(PolicySuggestRequest request, PolicySuggestionDone done) = 0;
  virtual std::vector<EdgeSummary> edges() const = 0;
  virtual std::int64_t wall_offset_ns() const = 0;  // CLOCK_MONOTONIC + this = nanoseconds since 1970
  virtual std::int64_t now_ns() const = 0;          // since 1970, by the clock that gives flows their time
  virtual ConfigView config() const = 0;
  virtual FlowLog& flows() = 0;
  virtual std::shared_ptr<const MetricsPage> metrics() const = 0;

  // Calls `done` once, on the loop thread, now or later: when everything that the sources say is applied or refused.
  virtual void reload(std::move_only_function<void(ReloadView)> done) = 0;
  virtual Result<DenyListView> deny_list() const = 0;
  // In the kernel and kept when it returns success. EINVAL, EPERM, EEXIST, ENOENT: what was asked is wrong.
  virtual Result<> change_deny_list(const DenyRequest& request, const HttpPeer& by) = 0;
  // The workload may be named by one of its pods. Returns the order, or the one that was taken back.
  virtual Result<QuarantineView> quarantine(const QuarantineRequest& request, const HttpPeer& by) = 0;
  virtual Result<> set_log_level(std::string_view level) = 0;
};

}  // namespace weft
