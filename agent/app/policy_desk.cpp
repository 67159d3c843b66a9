#include "agent/app/policy_desk.hpp"

#include "agent/app/rule_words.hpp"
#include "agent/compile/policy_draft.hpp"
#include "agent/compile/policy_trial.hpp"
#include "agent/model/candidate.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

SeenView seen_view(const SeenMesh& mesh) {
  SeenView view{mesh.since_ns, mesh.until_ns, 0, mesh.unrecorded};
  for (const auto& connection : mesh.seen) view.connections += connection.allowed + connection.denied;
  return view;
}

TrialEdgeView edge_view(TrialEdge edge) {
  TrialEdgeView view{std::move(edge.client),
                     std::move(edge.server),
                     edge.port,
                     protocol_text(edge.protocol),
                     edge.connections,
                     edge.last_ns,
                     std::string(direction_name(static_cast<std::uint8_t>(edge.direction))),
                     std::nullopt,
                     std::move(edge.sentence)};
  if (edge.rule) view.decided_by = rule_words(*edge.rule);
  return view;
}

PolicyTrialView::Part part_view(std::vector<TrialEdge> edges, std::uint64_t connections) {
  PolicyTrialView::Part part{connections, edges.size(), {}};
  for (std::size_t i = 0; i < std::min(edges.size(), PolicyTrialView::kMostItems); ++i)
    part.items.push_back(edge_view(std::move(edges[i])));
  return part;
}

}  // namespace

PolicyTrialView try_request(const PolicyTryRequest& request, const SeenMesh& mesh) {
  PolicyTrialView view;
  std::vector<Decoded> files;
  for (const auto& file : request.files) {
    files.push_back(decode_manifest(file.name, file.text));
    for (const auto& finding : files.back().diagnostics)
      if (finding.severity == Diagnostic::Severity::kError) view.refused.push_back(finding);
  }
  if (!view.refused.empty()) return view;
  auto candidate = make_candidate(*mesh.snapshot, files, request.remove ? CandidateMode::kRemove : CandidateMode::kPut);
  auto trial = try_policies(*mesh.snapshot, *candidate.snapshot, mesh.facts, mesh.seen);
  view.seen = seen_view(mesh);
  view.objects = candidate.objects;
  view.ignored = candidate.ignored;
  view.absent = candidate.absent;
  view.newly_denied = part_view(std::move(trial.newly_denied), trial.newly_denied_connections);
  view.newly_allowed = part_view(std::move(trial.newly_allowed), trial.newly_allowed_connections);
  return view;
}

PolicySuggestionView suggest_request(const PolicySuggestRequest& request, const SeenMesh& mesh) {
  PolicySuggestionView view{seen_view(mesh), {}};
  for (auto& draft : draft_policies(mesh.seen, mesh.facts, request.workload))
    view.items.push_back({std::move(draft.workload), std::move(draft.manifest), std::move(draft.problem),
                          draft.connections, draft.inexpressible});
  return view;
}

}  // namespace weft
