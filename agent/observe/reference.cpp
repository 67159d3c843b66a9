#include "agent/observe/reference.hpp"

#include <fmt/format.h>

#include "agent/observe/families.hpp"
#include "weft/abi/flow.h"
#include "weft/abi/pod.h"
#include "weft/abi/policy.h"

namespace weft {
namespace {

std::string code_list(std::string_view labels) {
  std::string out;
  while (!labels.empty()) {
    auto comma = labels.find(", ");
    out += (out.empty() ? "`" : ", `") + std::string(labels.substr(0, comma)) + "`";
    labels = comma == std::string_view::npos ? std::string_view() : labels.substr(comma + 2);
  }
  return out;
}

std::string family_row(const MetricFamily& family) {
  return fmt::format("| `{}` | {} | {} | {} |\n", family.name, metric_type_name(family.type), code_list(family.labels),
                     family.help);
}

constexpr std::string_view kTableHead = "\n| metric | type | labels | meaning |\n|---|---|---|---|\n";

constexpr std::string_view kMetricsIntro = R"(# Metrics

Generated from the tables of the code; a test compares. The page is `/metrics`, on the TCP address of `metrics.listen` and on the API socket.

Edges are told once per node: by the client's end (`reporter="source"`) when the agent serves it, else by the server's (`reporter="destination"`).
The labels of an edge are its workloads' namespaces and names, the service and port that the client dialled, and the protocol. What no object claims is `unknown`, an address
outside of the mesh is `world`, an address of a node is `host`, and `destination_service` is `none` when the client dialled the endpoint itself.

At most `metrics.maxSeries` series of traffic exist. Beyond that, new edges are added up in one edge whose labels are all `_other`: sums stay right. An edge keeps its
series for as long as it lives; when room comes free, the edge that waits longest gets its own, beginning at zero. Idle edges leave after 15 minutes, edges of workloads that are gone within 5.
Counters of failures, retransmits and traffic between zones appear with their first event. `weft_lb_endpoints` names at most `metrics.maxSeries` services, the rest is in `_other`.

`weft_policy_verdicts_total` counts each new connection or conversation that was allowed, each packet that was denied (`verdict="denied"`), and each new connection that audited
policies would have denied (`verdict="audited"`; it passed). `policy` is `namespace/name` of a NetworkPolicy or the name of a ClusterNetworkPolicy, `rule` is the name of its rule,
`ingress[0]` where it has none, or `default` for what an isolating policy denies because no rule allows it. Both are empty where no policy decided. At most `metrics.maxSeries` series
exist, the rest is in `_other`. Series of rules that are gone leave after 15 idle minutes.
)";

constexpr std::string_view kDropsIntro = R"(# Why connections end or never stand, and packets are dropped

Generated from the tables of the code; a test compares. The words are the `reason` of flows and of `weft_connections_closed_total`, `weft_connections_failed_total` and
`weft_drops_total`.
)";

constexpr std::string_view kDroppedIntro = R"(
## Dropped

Packets of pods, and of uplinks, in `weft_drops_total`.

| reason | meaning |
|---|---|
)";

constexpr std::string_view kDecidedIntro = R"(
## Decided by policy

What a verdict rests on, in flows of the kinds `deny` and `audit` and in `weft explain`.

| reason | meaning |
|---|---|
)";

}  // namespace

std::string metrics_reference_markdown() {
  std::string out(kMetricsIntro);
#define WEFT_X_ROW(id, name, type, labels, help) out += family_row(metric_family(FamilyId::id));
  out += "\n## Traffic\n";
  out += kTableHead;
  WEFT_TRAFFIC_FAMILIES(WEFT_X_ROW)
  out += "\n## Balancing\n";
  out += kTableHead;
  WEFT_BALANCING_FAMILIES(WEFT_X_ROW)
  out += "\n## Policy\n";
  out += kTableHead;
  WEFT_POLICY_FAMILIES(WEFT_X_ROW)
  out += "\n## Agent\n";
  out += kTableHead;
  WEFT_AGENT_FAMILIES(WEFT_X_ROW)
  out += "\n## Process\n";
  out += kTableHead;
  WEFT_PROCESS_FAMILIES(WEFT_X_ROW)
#undef WEFT_X_ROW
  return out;
}

std::string drop_reference_markdown() {
  std::string out(kDropsIntro);
#define WEFT_X_ROW(code, name, sentence) out += fmt::format("| `{}` | {} |\n", name, sentence);
  out += "\n## Closed\n\n| reason | meaning |\n|---|---|\n";
  WEFT_CLOSE_REASONS(WEFT_X_ROW)
  out += "\n## Failed\n\n| reason | meaning |\n|---|---|\n";
  WEFT_FAIL_REASONS(WEFT_X_ROW)
  out += kDroppedIntro;
  WEFT_DROPS(WEFT_X_ROW)
  out += kDecidedIntro;
  WEFT_VERDICT_REASONS(WEFT_X_ROW)
#undef WEFT_X_ROW
  return out;
}

}  // namespace weft
