// The agent's own account of itself, made from its state: status, checks, findings.
#pragma once

#include <vector>

#include "agent/api/views.hpp"
#include "agent/app/state.hpp"

namespace weft {

Readiness make_readiness(const AgentState& state);
StatusView make_status(const AgentState& state);
std::vector<CheckView> make_checks(const AgentState& state);
ObjectStatus make_service_status(const AgentState& state, const NamespacedName& name);
// Of every object and file, errors first.
std::vector<Diagnostic> make_findings(const AgentState& state);
std::vector<MapUse> make_map_use(const AgentState& state);
std::vector<Attachment> make_attachments(const AgentState& state);
std::vector<QuarantineView> make_quarantines(const AgentState& state);
std::string make_deny_problem(const AgentState& state);  // why the deny list is not in force; empty when it is
std::vector<KernelFeature> make_features(const AgentState& state);

// A check from the table of findings.
CheckView make_check(FindingCode code, CheckView::State state, std::string subject, std::string detail);

}  // namespace weft
