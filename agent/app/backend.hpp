// What the API asks, answered from the agent's state. Loop thread only.
#pragma once

#include <functional>
#include <memory>

#include "agent/api/backend.hpp"
#include "agent/app/explain.hpp"
#include "agent/app/policy_desk.hpp"
#include "agent/app/state.hpp"

namespace weft {

class AgentBackend final : public Backend {
 public:
  using Reload = std::function<void(std::move_only_function<void(ReloadView)>)>;

  // `apply_policy`: writes what policy says now into the kernel before it returns. `post` runs a task on the loop, from
  // any thread.
  AgentBackend(AgentState& state, Reload reload, std::function<void()> apply_policy,
               std::function<void(PolicyDesk::Task)> post)
      : state_(state), reload_(std::move(reload)), apply_policy_(std::move(apply_policy)), desk_(std::move(post)) {}

  Readiness readiness() const override;
  StatusView status() const override;
  std::vector<CheckView> checks() const override;
  Source<ServiceView> services(const ListQuery& query) const override;
  Source<EndpointView> endpoints(const ListQuery& query) const override;
  Source<WorkloadView> workloads(const ListQuery& query) const override;
  Source<IdentityView> identities(const ListQuery& query) const override;
  Source<PolicyView> policies(const ListQuery& query) const override;
  Result<Source<Flow>> connections() override;
  Source<ExplainView> explain(std::vector<ExplainQuery> queries) override;
  void try_policies(PolicyTryRequest request, PolicyTrialDone done) override;
  void suggest_policies(PolicySuggestRequest request, PolicySuggestionDone done) override;
  std::vector<EdgeSummary> edges() const override;
  std::int64_t wall_offset_ns() const override;
  std::int64_t now_ns() const override;
  ConfigView config() const override;
  FlowLog& flows() override { return state_.flows; }
  std::shared_ptr<const MetricsPage> metrics() const override { return state_.page; }
  void reload(std::move_only_function<void(ReloadView)> done) override { reload_(std::move(done)); }
  Result<DenyListView> deny_list() const override;
  Result<> change_deny_list(const DenyRequest& request, const HttpPeer& by) override;
  Result<QuarantineView> quarantine(const QuarantineRequest& request, const HttpPeer& by) override;
  Result<> set_log_level(std::string_view level) override;

 private:
  std::shared_ptr<const Explainer> current_explainer();
  Result<SeenMesh> seen_mesh(std::chrono::seconds last);

  AgentState& state_;
  Reload reload_;
  std::function<void()> apply_policy_;
  std::weak_ptr<const Explainer> explainer_;  // shared by answers that are under way
  PolicyDesk desk_;
};

}  // namespace weft
