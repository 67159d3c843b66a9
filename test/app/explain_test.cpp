// Explanations of whole connections, with the tables' own reading of policy in the place of the loaded programs.
#include <catch2/catch.hpp>
#include <cstring>

#include "agent/app/explain.hpp"
#include "agent/app/rule_words.hpp"
#include "agent/compile/compiler.hpp"
#include "agent/compile/policy_compiler.hpp"
#include "agent/compile/policy_lookup.hpp"
#include "agent/model/decode.hpp"
#include "agent/model/fold.hpp"
#include "agent/observe/flow.hpp"

using namespace weft;

namespace {

std::string pod(const std::string& name, const std::string& ip, const std::string& node = "node-a",
                const std::string& owner = "", const std::string& more = "") {
  auto owners = owner.empty() ? ""
                              : ", ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: " + owner +
                                    ", uid: u, controller: true}]";
  auto app = owner.empty() ? name : owner;
  return "---\napiVersion: v1\nkind: Pod\nmetadata: {name: " + name + ", namespace: shop, labels: {app: " + app + "}" +
         owners + "}\nspec: {nodeName: " + node + more + ", containers: []}\nstatus: {phase: Running, podIP: " + ip +
         ", podIPs: [{ip: " + ip + "}], conditions: [{type: Ready, status: \"True\"}]}\n";
}

const std::string kShop =
    pod("cart", "10.1.0.5") + pod("web-0", "10.1.0.2", "node-a", "web") + pod("web-1", "10.2.0.3", "node-b", "web") +
    pod("db", "10.2.0.9", "node-b") + pod("agent", "192.168.0.1", "node-a", "", ", hostNetwork: true") +
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web-svc, namespace: shop}\n"
    "spec: {clusterIP: 10.96.0.10, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: nobody, namespace: shop}\n"
    "spec: {clusterIP: 10.96.0.11, selector: {app: nothing}, ports: [{port: 80}]}\n"
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: named, namespace: shop}\n"
    "spec: {clusterIP: None, selector: {app: web}, ports: [{port: 8080}]}\n"
    "---\napiVersion: mesh.weft.dev/v1alpha1\nkind: Workload\nmetadata: {name: payments, namespace: shop}\n"
    "spec: {node: vm-1, addresses: [192.0.2.10], ports: [{name: http, port: 8080, protocol: TCP}]}\n";

std::string isolate(const std::string& name, const std::string& app, const std::string& type) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: {podSelector: {matchLabels: {app: " + app + "}}, policyTypes: [" + type + "]}\n";
}

class TestNode {
 public:
  explicit TestNode(const std::string& policies = "") {
    std::vector<Event> events;
    auto decoded = decode_manifest("in.yaml", kShop + policies);
    for (const auto& finding : decoded.diagnostics)
      if (finding.severity == Diagnostic::Severity::kError) FAIL(finding.field + ": " + finding.reason);
    for (auto& item : decoded.objects) events.push_back({ObjectChanged{"files", item.origin, item.object}, {}});
    Fold fold;
    fold.apply(events);
    world.facts = {"node-a", "", "", {IpAddress::parse("192.168.0.1").value()}};
    world.snapshot = fold.snapshot();
    ChangeSet changes;
    changes.everything = changes.owners = changes.policies = true;
    Compiler compiler{Names{}};
    world.compiled = compiler.compile(fold.snapshot(), changes, world.facts).compiled;
    PolicyCompiler policy{PolicyNumbers{}};
    world.tables = policy.compile(*fold.snapshot(), world.facts);
  }

  ExplainView ask(const std::string& source, const std::string& destination, std::uint16_t port = 8080,
                  std::uint8_t protocol = IPPROTO_TCP) {
    Explainer explainer(world, [&](std::span<weft_explain_request> requests) -> Result<> {
      if (!problem.empty()) return fail(problem);
      PolicyLookup lookup(world.tables);
      for (auto& request : requests) answer(lookup, request);
      return {};
    });
    return explainer.explain({source, destination, port, protocol, "", ""});
  }

  Explainer::World world;
  std::string problem;
  std::size_t asked = 0;

 private:
  void answer(const PolicyLookup& lookup, weft_explain_request& request) {
    ++asked;
    auto pod = to_ip_address(request.pod), peer = to_ip_address(request.peer);
    bool egress = request.direction == WEFT_EGRESS;
    auto verdict = lookup.decide({egress ? pod : peer, egress ? peer : pod, ntohs(request.port), request.protocol});
    if (const auto& side = egress ? verdict.egress : verdict.ingress) {
      request.subject = side->subject;
      request.decided_rule = side->decision.rule;
      request.verdict = side->decision.verdict;
      request.reason = side->decision.reason;
    }
  }
};

std::string verdict(const ExplainView& view) { return std::string(explain_verdict_name(view.verdict)); }

// "service found; source found; …"
std::string steps(const ExplainView& view) {
  std::string text;
  for (const auto& step : view.steps) text += (text.empty() ? "" : "; ") + step.stage + " " + step.result;
  return text;
}

const ExplainStep& step(const ExplainView& view, const std::string& stage) {
  for (const auto& step : view.steps)
    if (step.stage == stage) return step;
  FAIL("no step " + stage);
  throw 0;
}

}  // namespace

TEST_CASE("without policy a connection between pods is allowed, by the answer of the programs") {
  TestNode node;
  auto view = node.ask("shop/cart", "shop/web-0");
  CHECK(verdict(view) == "allowed");
  CHECK(steps(view) == "source found; destination found; egress allowed; ingress allowed");
  CHECK(step(view, "egress").reason == "no_policy");
  CHECK(step(view, "source").object == "Pod shop/cart");
  CHECK(step(view, "source").detail == "10.1.0.5 on node node-a; app=cart");
  CHECK_FALSE(view.decided_by);
  CHECK(view.suggestion.empty());
  CHECK(node.asked == 2);
}

TEST_CASE("a default denial names the policy, and a rule that would change it") {
  TestNode node(isolate("walls", "web", "Ingress"));
  auto view = node.ask("shop/cart", "shop/web-0");
  CHECK(verdict(view) == "denied");
  CHECK(step(view, "ingress").object == "NetworkPolicy shop/walls");
  CHECK(step(view, "ingress").rule == "default");
  CHECK(step(view, "ingress").reason == "default_deny");
  REQUIRE(view.decided_by);
  CHECK(view.decided_by->policy == NamespacedName{"shop", "walls"});
  CHECK(view.decided_by->rule == "default");
  CHECK(view.suggestion.find("allow-cart-to-web-0") != std::string::npos);
}

TEST_CASE("what is suggested for both sides changes the verdict") {
  auto policies = isolate("walls", "web", "Ingress") + isolate("leash", "cart", "Egress");
  TestNode node(policies);
  auto view = node.ask("shop/cart", "shop/web-0");
  CHECK(verdict(view) == "denied");
  CHECK(view.decided_by->policy.second == "leash");
  REQUIRE_FALSE(view.suggestion.empty());
  TestNode after(policies + "---\n" + view.suggestion);
  auto allowed = after.ask("shop/cart", "shop/web-0");
  CHECK(verdict(allowed) == "allowed");
  REQUIRE(allowed.decided_by);
  CHECK(allowed.decided_by->rule == "ingress[0]");
}

TEST_CASE("a service is looked up first, and its endpoints are judged by their own ports") {
  TestNode node;
  for (auto name : {"shop/web-svc", "10.96.0.10"}) {
    auto view = node.ask("shop/cart", name, 80);
    CHECK(verdict(view) == "allowed");
    CHECK(steps(view) ==
          "service found; source found; destination found; egress allowed; ingress allowed; ingress not-local");
    CHECK(step(view, "service").object == "Service shop/web-svc");
    CHECK(step(view, "service").detail == "10.96.0.10:80 is one of 10.1.0.2:8080, 10.2.0.3:8080");
  }
  TestNode walled(isolate("walls", "web", "Ingress"));
  CHECK(verdict(walled.ask("shop/cart", "shop/web-svc", 80)) == "denied");
}

TEST_CASE("a service without endpoints or without the port ends there") {
  TestNode node;
  auto nobody = node.ask("shop/cart", "shop/nobody", 80);
  CHECK(verdict(nobody) == "no-endpoint");
  CHECK(steps(nobody) == "service no-endpoint");
  auto wrong = node.ask("shop/cart", "shop/web-svc", 81);
  CHECK(verdict(wrong) == "no-endpoint");
  CHECK(steps(wrong) == "service no-port");
  CHECK(step(wrong, "service").detail == "no port 81/TCP; its ports: 80/TCP");
  CHECK(verdict(node.ask("shop/cart", "shop/web-svc", 80, IPPROTO_UDP)) == "no-endpoint");
  CHECK(node.asked == 0);
}

TEST_CASE("the name of a headless service stands for its endpoints") {
  TestNode node;
  auto view = node.ask("shop/cart", "shop/named");
  CHECK(verdict(view) == "allowed");
  CHECK(step(view, "service").result == "headless");
}

TEST_CASE(
    "a pod comes before a workload, a workload before a service; a workload is its pods, those of this node first") {
  TestNode node;
  auto view = node.ask("shop/web", "shop/db");
  CHECK(step(view, "source").object == "workload shop/web");
  CHECK(step(view, "source").detail.starts_with("10.1.0.2"));
  CHECK(steps(view) == "source found; destination found; egress allowed; ingress not-local");
  CHECK(step(view, "ingress").detail.find("node-b") != std::string::npos);
}

TEST_CASE("sides that this node does not judge are said to be judged elsewhere") {
  TestNode node;
  auto remote = node.ask("shop/db", "shop/web-1");
  CHECK(verdict(remote) == "unknown");
  CHECK(steps(remote) == "source found; destination found; egress not-local; ingress not-local");
  auto inbound = node.ask("198.51.100.7", "shop/web-0");
  CHECK(verdict(inbound) == "allowed");
  CHECK(steps(inbound) == "source outside; destination found; egress not-local; ingress allowed");
  auto host = node.ask("shop/agent", "shop/payments");
  CHECK(verdict(host) == "allowed");
  CHECK(steps(host) == "source found; destination found; egress not-judged; ingress not-judged");
  CHECK(verdict(node.ask("198.51.100.7", "198.51.100.8")) == "unknown");
}

TEST_CASE("ends that cannot be found are unknown, and so is what the programs do not answer") {
  TestNode node;
  CHECK(steps(node.ask("shop/nothing", "shop/web-0")) == "source not-found");
  CHECK(steps(node.ask("shop/cart", "shop/nothing")) == "destination not-found");
  CHECK(steps(node.ask("shop/web-svc", "shop/cart")) == "source not-found");
  CHECK(steps(node.ask("shop/cart", "fd00::1")) == "destination not-found");
  node.problem = "policy is off on this kernel";
  auto view = node.ask("shop/cart", "shop/web-0");
  CHECK(verdict(view) == "unknown");
  CHECK(step(view, "egress").detail == "policy is off on this kernel");
  node.world.tables = nullptr;
  CHECK(verdict(node.ask("shop/cart", "shop/web-0")) == "unknown");
}

TEST_CASE("ICMP is asked without a port") {
  TestNode node(isolate("walls", "web", "Ingress"));
  auto view = node.ask("shop/cart", "shop/web-0", 0, IPPROTO_ICMP);
  CHECK(verdict(view) == "denied");
}

TEST_CASE("rules in words: their own name, their place, or default; and whether they exist") {
  RuleName rule{
      {ObjectKind::kNetworkPolicy, "shop", "walls"}, WEFT_INGRESS, RuleName::kIsolates, "", PolicyTier::kNetwork};
  CHECK(rule_words(rule).rule == "default");
  TestNode node(isolate("walls", "web", "Ingress"));
  CHECK(rule_exists(*node.world.snapshot, rule));
  rule.direction = WEFT_EGRESS;
  CHECK_FALSE(rule_exists(*node.world.snapshot, rule));
  rule.index = 2;
  CHECK(rule_words(rule).rule == "egress[2]");
  CHECK_FALSE(rule_exists(*node.world.snapshot, rule));
  rule.name = "no-batch";
  CHECK(rule_words(rule).rule == "no-batch");
  CHECK(rule_words(rule).tier == "NetworkPolicy");
  rule.policy.name = "gone";
  CHECK_FALSE(rule_exists(*node.world.snapshot, rule));
}
