#include "agent/app/explain.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "agent/app/rule_words.hpp"
#include "agent/compile/abi.hpp"
#include "agent/model/endpoints.hpp"
#include "agent/observe/flow.hpp"

namespace weft {
namespace {

using Place = ExplainEnd::Place;
using Verdict = ExplainView::Verdict;

constexpr std::size_t kMostNamed = 8;  // addresses in a sentence

std::string labels_text(const Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ", ") + key + "=" + value;
  return text;
}

std::string end_text(const ExplainEnd& end) {
  return end.port == 0 ? end.address.text() : SocketAddress{end.address, end.port}.text();
}

// "10.1.0.2:8080, 10.1.0.3:8080 and 14 more".
std::string listed(const std::vector<ExplainEnd>& ends) {
  std::string text;
  for (std::size_t i = 0; i < std::min(ends.size(), kMostNamed); ++i) text += (i == 0 ? "" : ", ") + end_text(ends[i]);
  if (ends.size() > kMostNamed) text += fmt::format(" and {} more", ends.size() - kMostNamed);
  return text;
}

std::string ports_text(const Service& service) {
  std::string text;
  for (const auto& port : service.ports)
    text += fmt::format("{}{}/{}", text.empty() ? "" : ", ", port.port, protocol_name(port.protocol));
  return text.empty() ? "none" : text;
}

bool speaks(const std::vector<ExplainEnd>& ends, const IpAddress& address) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](const ExplainEnd& end) { return end.address.is_v4() == address.is_v4(); });
}

ExplainStep step_not_judged(std::string stage, const ExplainEnd& end) {
  ExplainStep step{std::move(stage), "not-local", end.object, "", "", ""};
  switch (end.place) {
    case Place::kLocalPod:
      break;
    case Place::kRemotePod:
      step.detail = "judged by node " + (end.node.empty() ? "that the pod runs on" : end.node) + ": ask there";
      break;
    case Place::kHost:
      step.result = "not-judged";
      step.detail = "processes on a host and pods in its network are not under the policy of pods";
      break;
    case Place::kOutside:
      step.detail = end.address.text() + " is outside of the mesh: nobody judges its side";
      break;
  }
  return step;
}

// What the name of a headless service resolves to: whoever is ready, whatever the port.
std::vector<ExplainEnd> named_endpoints(const ExplainEnds& ends, const Service& service, std::uint16_t dialled) {
  const auto& facts = ends.facts();
  std::set<IpAddress> seen;
  std::vector<ExplainEnd> found;
  for (const auto& port : service.ports)
    for (const auto& endpoint : service_endpoints(ends.snapshot(), service, port, facts.name, facts.addresses))
      if (endpoint.ready && seen.insert(endpoint.address).second) found.push_back(ends.end_at(endpoint.address));
  for (auto& end : found) end.port = dialled;
  return found;
}

// The service's endpoints for what is asked; nothing when the answer is complete already.
std::vector<ExplainEnd> look_up_service(const ExplainEnds& ends, const ExplainQuery& query, const ExplainTarget& source,
                                        const ExplainTarget& target, ExplainView& view) {
  const auto& service = *target.service;
  NamespacedName name{service.metadata.space, service.metadata.name};
  std::vector<ExplainEnd> found;
  ExplainStep step{"service", "no-port", target.object, "", "", ""};
  step.detail =
      fmt::format("no port {}/{}; its ports: {}", query.port, protocol_text(query.protocol), ports_text(service));
  if (service.type == Service::Type::kExternalName) {
    step.result = "external-name";
    step.detail = "stands for " + service.external_name + ", which DNS resolves";
    view.steps.push_back(std::move(step));
    return {};
  }
  if (service.headless) {
    found = named_endpoints(ends, service, query.port);
    step.result = found.empty() ? "no-endpoint" : "headless";
    step.detail = found.empty() ? "nobody serves it" : "its name stands for " + listed(found);
  }
  for (const auto& address : target.service_addresses) {
    if (service.headless || !speaks(source.ends, address)) continue;
    const auto* set = ends.find_frontend(name, address, query.port, query.protocol);
    if (set == nullptr) continue;
    for (const auto& endpoint : set->endpoints) {
      found.push_back(ends.end_at(from_abi(endpoint.address)));
      found.back().port = ntohs(endpoint.port);
    }
    auto frontend = SocketAddress{address, query.port}.text();
    step.result = found.empty() ? "no-endpoint" : "found";
    step.detail = frontend + (found.empty() ? " has no endpoint that serves" : " is one of " + listed(found));
    break;
  }
  view.verdict = found.empty() ? Verdict::kNoEndpoint : Verdict::kUnknown;
  view.steps.push_back(std::move(step));
  std::stable_partition(found.begin(), found.end(),
                        [](const ExplainEnd& end) { return end.place == Place::kLocalPod; });
  return found;
}

ExplainStep step_of_end(std::string stage, const ExplainTarget& target, const std::vector<ExplainEnd>& ends,
                        const PolicyEnds& known) {
  const auto& first = ends.front();
  ExplainStep step{std::move(stage), "found", target.service ? first.object : target.object, "", "", listed(ends)};
  if (first.place == Place::kOutside) step.result = "outside";
  if (!first.node.empty()) step.detail += ", first on node " + first.node;
  if (ends.size() == 1 && !first.node.empty()) step.detail = end_text(first) + " on node " + first.node;
  if (auto labels = labels_text(known.find(first.address).labels); !labels.empty()) step.detail += "; " + labels;
  return step;
}

ExplainStep step_missing(std::string stage, std::string_view name) {
  return {std::move(stage), "not-found", "", "", "", fmt::format("there is no pod, workload or service {}", name)};
}

}  // namespace

Explainer::Explainer(World world, Ask ask)
    : world_(std::move(world)),
      ask_(std::move(ask)),
      ends_(world_.snapshot, world_.compiled, world_.facts),
      policy_ends_(*world_.snapshot, world_.facts) {}

std::vector<EndPair> Explainer::find_ends(const ExplainQuery& query, ExplainView& view) const {
  auto stop = [&](ExplainStep step) {
    view.steps.push_back(std::move(step));
    return std::vector<EndPair>();
  };
  auto source = ends_.find(query.source);
  if (!source) return stop(step_missing("source", query.source));
  if (source->service)
    return stop({"source", "not-found", source->object, "", "", "a service sends nothing by itself"});
  if (source->ends.empty()) return stop({"source", "not-found", source->object, "", "", "it has no address"});
  auto destination = ends_.find(query.destination);
  if (!destination) return stop(step_missing("destination", query.destination));
  auto ends = destination->service ? look_up_service(ends_, query, *source, *destination, view) : destination->ends;
  if (destination->service && ends.empty()) return {};
  if (ends.empty()) return stop({"destination", "not-found", destination->object, "", "", "it has no address"});
  std::vector<EndPair> pairs;
  std::vector<ExplainEnd> sources, destinations;
  for (auto& end : ends) {
    auto from = std::find_if(source->ends.begin(), source->ends.end(), [&](const ExplainEnd& candidate) {
      return candidate.address.is_v4() == end.address.is_v4();
    });
    if (from == source->ends.end() || pairs.size() == kMostPairs) continue;
    if (end.port == 0) end.port = query.port;
    if (std::none_of(sources.begin(), sources.end(), [&](const auto& one) { return one.address == from->address; }))
      sources.push_back(*from);
    destinations.push_back(end);
    pairs.push_back({*from, end});
  }
  if (pairs.empty())
    return stop(
        {"destination", "not-found", destination->object, "", "", "the two ends have no address family in common"});
  view.steps.push_back(step_of_end("source", *source, sources, policy_ends_));
  view.steps.push_back(step_of_end("destination", *destination, destinations, policy_ends_));
  if (ends.size() > pairs.size())
    view.steps.back().detail += fmt::format("; {} of {} are looked at", pairs.size(), ends.size());
  view.verdict = Verdict::kUnknown;
  return pairs;
}

namespace {

// What the loaded programs say about one side of all pairs, once for each different answer.
struct Answer {
  weft_explain_request request{};
  std::vector<ExplainEnd> destinations;
};

bool same_answer(const weft_explain_request& one, const weft_explain_request& other) {
  return one.decided_rule == other.decided_rule && one.verdict == other.verdict && one.reason == other.reason;
}

weft_explain_request request_for(const EndPair& pair, weft_direction direction, std::uint8_t protocol) {
  bool egress = direction == WEFT_EGRESS;
  weft_explain_request request{};
  request.pod = to_abi(egress ? pair.source.address : pair.destination.address);
  request.peer = to_abi(egress ? pair.destination.address : pair.source.address);
  request.port = htons(pair.destination.port);
  request.protocol = protocol;
  if (protocol == IPPROTO_ICMP && !pair.source.address.is_v4()) request.protocol = IPPROTO_ICMPV6;
  request.direction = static_cast<__u8>(direction);
  return request;
}

// Both sides of the pairs, each asked in one go.
class Judge {
 public:
  Judge(const Explainer::World& world, const Explainer::Ask& ask, const PolicyEnds& ends, ExplainView& view)
      : world_(world), ask_(ask), ends_(ends), view_(view) {}

  void judge(const std::vector<EndPair>& pairs, weft_direction direction, std::uint8_t protocol) {
    std::vector<weft_explain_request> requests;
    std::vector<ExplainEnd> destinations, elsewhere;
    for (const auto& pair : pairs) {
      const auto& own = direction == WEFT_EGRESS ? pair.source : pair.destination;
      inside_ = inside_ || own.place != Place::kOutside;
      if (own.place != Place::kLocalPod) {
        add_place(elsewhere, own);
        continue;
      }
      requests.push_back(request_for(pair, direction, protocol));
      destinations.push_back(pair.destination);
    }
    tell_answers(requests, destinations, direction);
    for (const auto& end : elsewhere)
      view_.steps.push_back(step_not_judged(std::string(direction_name(direction)), end));
  }

  // Denied when any side denies; allowed when one was asked and none denies, or when there is nobody to ask.
  void conclude() {
    if (denied_)
      view_.verdict = Verdict::kDenied;
    else
      view_.verdict = !failed_ && (judged_ || (!remote_ && inside_)) ? Verdict::kAllowed : Verdict::kUnknown;
  }

 private:
  void add_place(std::vector<ExplainEnd>& elsewhere, const ExplainEnd& own) {
    remote_ = remote_ || own.place == Place::kRemotePod;
    bool told = std::any_of(elsewhere.begin(), elsewhere.end(),
                            [&](const ExplainEnd& end) { return end.place == own.place && end.node == own.node; });
    if (!told) elsewhere.push_back(own);
  }

  void tell_answers(std::vector<weft_explain_request>& requests, const std::vector<ExplainEnd>& destinations,
                    weft_direction direction) {
    if (requests.empty()) return;
    if (auto asked = ask_(requests); !asked) {
      view_.steps.push_back({std::string(direction_name(direction)), "unknown", "", "", "", asked.error().what});
      failed_ = true;
      return;
    }
    judged_ = true;
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto same = std::find_if(answers.begin(), answers.end(),
                               [&](const Answer& answer) { return same_answer(answer.request, requests[i]); });
      if (same == answers.end()) same = answers.insert(same, Answer{requests[i], {}});
      same->destinations.push_back(destinations[i]);
    }
    for (const auto& answer : answers)
      tell(answer.request, direction, answers.size() > 1 ? " (" + listed(answer.destinations) + ")" : "");
  }

  void tell(const weft_explain_request& request, weft_direction direction, const std::string& which) {
    auto port = ntohs(request.port);
    auto own = ends_.find(from_abi(request.pod));
    auto peer = ends_.find(from_abi(request.peer), direction == WEFT_EGRESS ? port : std::uint16_t{0});
    weft_decision decision{request.decided_rule, request.verdict, request.reason, 0};
    auto words = explain_policy(*world_.snapshot, *world_.tables,
                                {own, peer, request.subject, direction, port, request.protocol, decision});
    bool denies = request.verdict == WEFT_VERDICT_DENY;
    ExplainStep step{std::string(direction_name(direction)),
                     denies ? "denied" : "allowed",
                     "",
                     "",
                     words.reason,
                     words.sentence + which};
    if (words.rule) {
      step.object = words.rule->policy.text();
      step.rule = rule_words(*words.rule).rule;
      step.detail += quarantine_words(words.rule->policy);
    }
    view_.steps.push_back(std::move(step));
    // The first denial decides; of what is allowed, the last rule that allows it.
    if (denies ? !denied_ : !denied_ && words.rule)
      view_.decided_by = words.rule ? std::optional(rule_words(*words.rule)) : std::nullopt;
    denied_ = denied_ || denies;
    if (!words.suggestion.empty() && view_.suggestion.find(words.suggestion) == std::string::npos)
      view_.suggestion += (view_.suggestion.empty() ? "" : "---\n") + words.suggestion;
  }

  std::string quarantine_words(const ObjectKey& policy) const {
    if (policy.kind != ObjectKind::kQuarantine || !world_.quarantines) return "";
    auto note = world_.quarantines->find({policy.space, policy.name});
    if (note == world_.quarantines->end()) return "";
    return fmt::format("; quarantined by uid {} at {}{}{}; weft quarantine --undo {}/{} takes it back",
                       note->second.uid, rfc3339(note->second.since_ns), note->second.reason.empty() ? "" : ": ",
                       note->second.reason, policy.space, policy.name);
  }

  const Explainer::World& world_;
  const Explainer::Ask& ask_;
  const PolicyEnds& ends_;
  ExplainView& view_;
  bool denied_ = false;
  bool judged_ = false;  // a side was asked
  bool failed_ = false;  // …in vain
  bool remote_ = false;  // a side is another node's
  bool inside_ = false;  // an end is of the mesh
};

}  // namespace

ExplainView Explainer::explain(const ExplainQuery& query) const {
  ExplainView view;
  auto pairs = find_ends(query, view);
  if (pairs.empty()) return view;
  if (!world_.tables || !world_.tables->rules) {
    view.steps.push_back(
        {"egress", "unknown", "", "", "", "policy is not in force yet: not every source has been read"});
    return view;
  }
  Judge judge(world_, ask_, policy_ends_, view);
  for (auto direction : {WEFT_EGRESS, WEFT_INGRESS}) judge.judge(pairs, direction, query.protocol);
  judge.conclude();
  if (!query.method.empty() || !query.path.empty())
    view.steps.push_back(
        {"proxy", "not-judged", "", "", "", "no proxy is on the way: method and path are not looked at"});
  return view;
}

}  // namespace weft
