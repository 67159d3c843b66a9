// What the API tells, as values that the agent fills from its own data. render.hpp turns them into JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/api/mitigation.hpp"
#include "agent/model/endpoints.hpp"
#include "agent/model/objects.hpp"
#include "agent/model/policy.hpp"
#include "agent/observe/edges.hpp"
#include "agent/observe/facts.hpp"
#include "agent/observe/flow.hpp"

namespace weft {

// Hands out the items of a list one at a time: fills its argument and returns true, or returns false at the end. Kept
// over several turns of the loop, so it owns what it reads (a snapshot), and building one item takes microseconds.
template <class View>
using Source = std::move_only_function<bool(View&)>;

template <class View>
Source<View> source_of(std::vector<View> items) {
  return [items = std::move(items), next = std::size_t{0}](View& item) mutable {
    if (next == items.size()) return false;
    item = std::move(items[next++]);
    return true;
  };
}

struct Readiness {
  bool ready = false;
  std::string reason;  // why not, for a person
};

struct ObjectStatus {
  enum class State : std::uint8_t { kProgrammed, kAccepted, kError };
  State state = State::kProgrammed;
  std::string reason;
  std::vector<Diagnostic> findings;
};

struct FrontendView {
  IpAddress address;
  std::uint16_t port = 0;
  Protocol protocol = Protocol::kTcp;
  std::vector<SocketAddress> endpoints;  // in the order of their slots
};

struct ServiceView {
  std::shared_ptr<const Service> object;  // never null
  std::vector<FrontendView> frontends;
  ObjectStatus status;
  std::string origin;  // "file:line"
};

struct EndpointView {
  NamespacedName service;
  std::string port_name;
  Protocol protocol = Protocol::kTcp;
  ServiceEndpoint endpoint;
  bool programmed = false;
};

struct WorkloadView {
  NamespacedName name;
  std::string kind;  // "Pod" or "Workload"
  std::vector<std::string> pods;
  std::uint32_t identity = 0;
  std::string node;  // of the workload or its first pod
  std::string zone;
  std::vector<IpAddress> addresses;
  std::vector<NamedPort> ports;
  std::string service_account;
  std::optional<Workload::Process> process;
  std::optional<QuarantineView> quarantine;
  ObjectStatus status;
};

struct IdentityView {
  std::uint32_t id = 0;
  NamespacedName name;  // ("", "world") and the like for what is no object
  std::vector<IpAddress> addresses;
};

struct PolicyRuleView {
  bool ingress = true;
  std::uint32_t index = 0;  // in the list of its direction
  std::string name;
  std::string action;              // "Accept", "Deny" or "Pass"
  std::vector<std::string> peers;  // in words; empty: everybody
  std::vector<std::string> ports;  // in words; empty: every protocol and port
};

struct PolicyView {
  std::shared_ptr<const Policy> object;  // never null
  std::uint64_t workloads = 0;           // that it selects, on all nodes
  std::uint64_t local_workloads = 0;
  std::vector<PolicyRuleView> rules;
  ObjectStatus status;
  std::string origin;  // "file:line"
};

struct CheckView {
  enum class State : std::uint8_t { kOk, kWarning, kError };
  std::string code;  // "WEFT3001"
  std::string title;
  State state = State::kOk;
  std::string subject;
  std::string detail;
  std::string fix;
};

struct ConfigView {
  std::string values_json;                                   // an object: every effective value
  std::vector<std::pair<std::string, std::string>> origins;  // JSON pointer → "file:line", "default", …
};

struct SourceView {
  std::string name;
  bool synced = false;
  std::uint64_t objects = 0;
  std::int64_t last_change_ns = 0;  // since 1970; 0: never
  std::uint64_t findings = 0;
};

// A pod of this node whose packets are not judged, or may pass unjudged.
struct UnenforcedView {
  NamespacedName pod;
  NamespacedName workload;
  std::string reason;
};

struct StatusView {
  Readiness readiness;
  std::string version;
  std::string node_name;
  std::string zone;
  std::string region;
  std::int64_t started_ns = 0;  // since 1970
  std::uint64_t uptime_s = 0;
  std::uint64_t revision_desired = 0;
  std::uint64_t revision_applied = 0;
  std::uint64_t workloads = 0;
  std::uint64_t services = 0;
  std::uint64_t endpoints = 0;
  std::uint64_t edges = 0;
  EdgeRates rates;
  std::vector<KernelFeature> features;
  std::vector<SourceView> sources;
  std::vector<Attachment> attachments;
  std::vector<UnenforcedView> unenforced;  // the first kMaxStatusUnenforced are told
  std::uint64_t unenforced_total = 0;
  std::vector<MapUse> maps;
  std::uint64_t denied = 0;   // entries of the deny list
  std::uint64_t uplinks = 0;  // that datapath.uplinks matches
  std::uint64_t guarded = 0;  // of these, where the deny list acts
  std::string deny_problem;   // why it is not in force; empty
  std::vector<QuarantineView> quarantined;
  std::uint64_t events_total = 0;
  std::uint64_t events_lost = 0;
  std::uint64_t drift_repaired = 0;
  std::vector<Diagnostic> findings;  // the first kMaxStatusFindings are told
  std::uint64_t findings_total = 0;
};
inline constexpr std::size_t kMaxStatusFindings = 100;
inline constexpr std::size_t kMaxStatusUnenforced = 100;

struct ReloadView {
  bool applied = false;  // nothing was refused
  std::uint64_t revision = 0;
  std::string message;  // when something was refused: one sentence
  std::vector<Diagnostic> findings;
};

struct ListQuery {
  std::string space;  // empty: any
  std::string name;   // empty: any
  bool matches(const std::string& object_space, const std::string& object_name) const {
    return (space.empty() || space == object_space) && (name.empty() || name == object_name);
  }
};

}  // namespace weft
