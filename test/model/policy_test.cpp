// What policies say: absent and empty lists as Kubernetes reads them, and what becomes of policies that cannot be read.
#include "agent/model/analyze.hpp"
#include "agent/model/policy_cover.hpp"
#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

std::string network_policy(const std::string& name, const std::string& spec) {
  return "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: " + name +
         ", namespace: shop}\nspec: " + spec + "\n";
}

std::string cluster_policy(const std::string& name, const std::string& spec) {
  return "---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {name: " + name +
         "}\nspec: " + spec + "\n";
}

const NetworkPolicy& get_policy(const Snapshot& snapshot, const std::string& name = "p") {
  const auto* found = snapshot.network_policies.find({"shop", name});
  REQUIRE(found != nullptr);
  return **found;
}

const ClusterNetworkPolicy& get_cluster(const Snapshot& snapshot, const std::string& name = "p") {
  const auto* found = snapshot.cluster_policies.find({"", name});
  REQUIRE(found != nullptr);
  return **found;
}

NetworkPolicy read_policy(const std::string& spec) {
  Manifests m;
  m.put("a.yaml", network_policy("p", spec));
  CHECK(m.said_of("a.yaml").empty());
  return get_policy(m.now());
}

}  // namespace

TEST_CASE("policyTypes that are absent follow from the rules") {
  struct Row {
    std::string spec;
    bool ingress, egress;
  };
  const std::vector<Row> rows = {
      {"{podSelector: {}}", true, false},
      {"{podSelector: {}, policyTypes: []}", true, false},
      {"{podSelector: {}, ingress: []}", true, false},
      {"{podSelector: {}, egress: []}", true, false},
      {"{podSelector: {}, egress: null}", true, false},
      {"{podSelector: {}, egress: [{}]}", true, true},
      {"{podSelector: {}, policyTypes: [Egress]}", false, true},
      {"{podSelector: {}, policyTypes: [Ingress, Egress]}", true, true},
  };
  for (const auto& row : rows) {
    INFO(row.spec);
    auto policy = read_policy(row.spec);
    CHECK(policy.ingress.applies == row.ingress);
    CHECK(policy.egress.applies == row.egress);
  }
}

TEST_CASE("no rules, an empty rule and an empty list of peers differ") {
  CHECK(read_policy("{podSelector: {}, ingress: []}").ingress.rules.empty());
  auto open = read_policy("{podSelector: {}, ingress: [{}]}").ingress.rules.at(0);
  CHECK((open.any_peer && open.any_port));
  auto empty = read_policy("{podSelector: {}, ingress: [{from: [], ports: []}]}").ingress.rules.at(0);
  CHECK((empty.any_peer && empty.any_port));
  auto narrow =
      read_policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}], ports: [{port: 80}]}]}").ingress.rules.at(0);
  CHECK_FALSE((narrow.any_peer || narrow.any_port));
}

TEST_CASE("a peer without a namespaceSelector is of the policy's namespace, an empty one is of all") {
  auto rule = read_policy("{podSelector: {}, ingress: [{from: [{podSelector: {}}, {namespaceSelector: {}}]}]}")
                  .ingress.rules.at(0);
  CHECK_FALSE(std::get<PodSelection>(rule.peers.at(0)).namespaces.has_value());
  CHECK(std::get<PodSelection>(rule.peers.at(1)).namespaces.has_value());
}

TEST_CASE("ports are a number, a range, a name or all of a protocol; TCP when nothing is said") {
  auto ports = read_policy(
                   "{podSelector: {}, ingress: [{ports: [{port: 80}, {port: 8000, endPort: 8010, protocol: UDP}, "
                   "{port: http, protocol: SCTP}, {protocol: UDP}, {}]}]}")
                   .ingress.rules.at(0)
                   .ports;
  CHECK(ports.at(0) == PolicyPort{Protocol::kTcp, 80, 80, ""});
  CHECK(ports.at(1) == PolicyPort{Protocol::kUdp, 8000, 8010, ""});
  CHECK(ports.at(2) == PolicyPort{Protocol::kSctp, 0, 0, "http"});
  CHECK(ports.at(3) == PolicyPort{Protocol::kUdp, 0, 0, ""});
  CHECK(ports.at(4) == PolicyPort{Protocol::kTcp, 0, 0, ""});
}

TEST_CASE("blocks are masked, and IPv6 holds no IPv4") {
  CHECK(Cidr::parse("10.1.2.3/8")->text() == "10.0.0.0/8");
  CHECK(Cidr::parse("fd00::1/64")->text() == "fd00::/64");
  CHECK(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("203.0.113.9")));
  CHECK_FALSE(Cidr::parse("::/0")->contains(*IpAddress::parse("203.0.113.9")));
  CHECK(Cidr::parse("::/0")->contains(*IpAddress::parse("fd00::1")));
  CHECK_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("fd00::1")));
  for (const char* bad : {"", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/33", "::/129",
                          "::ffff:10.0.0.0/104", "10.0.0.0/8/8", "a/8"})
    CHECK_FALSE(Cidr::parse(bad).has_value());
}

TEST_CASE("a cluster policy says tier, priority, subject, actions, peers and ports") {
  Manifests m;
  m.put("a.yaml",
        cluster_policy("p", R"({tier: Admin, priority: 7, subject: {pods: {namespaceSelector: {}, podSelector: {}}},
    ingress: [{name: first, action: Pass, from: [{namespaces: {}}]}],
    egress: [{action: Deny, to: [{networks: [10.0.0.0/8, '::/0']}, {nodes: {}}],
              protocols: [{tcp: {destinationPort: {range: {start: 1, end: 9}}}}, {udp: {destinationPort: {number: 53}}}]}]})"));
  CHECK(m.said_of("a.yaml").empty());
  const auto& policy = get_cluster(m.now());
  CHECK(policy.tier == PolicyTier::kAdmin);
  CHECK(policy.priority == 7);
  CHECK(policy.ingress.rules.at(0).name == "first");
  CHECK(policy.ingress.rules.at(0).action == RuleAction::kPass);
  CHECK(policy.ingress.rules.at(0).any_port);
  const auto& egress = policy.egress.rules.at(0);
  CHECK(egress.peers.size() == 3);
  CHECK(std::holds_alternative<NodeSelection>(egress.peers.at(2)));
  CHECK(egress.ports.at(0) == PolicyPort{Protocol::kTcp, 1, 9, ""});
  CHECK(egress.ports.at(1) == PolicyPort{Protocol::kUdp, 53, 53, ""});
}

TEST_CASE("a policy that cannot be read isolates what it selects until there is a good version") {
  Manifests m;
  m.put("a.yaml", network_policy("p", "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 0}]}]}"));
  CHECK(get_policy(m.now()).broken);
  CHECK(get_policy(m.now()).ingress.applies);
  CHECK(get_policy(m.now()).ingress.rules.empty());
  CHECK_FALSE(get_policy(m.now()).egress.applies);
  CHECK(get_policy(m.now()).subject.pods.requirements.size() == 1);
  // Another broken version takes its place, a good one heals it.
  m.put("a.yaml", network_policy("p", "{podSelector: {}, ingress: [{ports: [{port: 0}]}], egress: {}}"));
  CHECK(get_policy(m.now()).subject.pods.requirements.empty());
  CHECK(get_policy(m.now()).egress.applies);
  m.put("a.yaml", network_policy("p", "{podSelector: {}, ingress: [{}]}"));
  CHECK_FALSE(get_policy(m.now()).broken);
}

TEST_CASE("a good policy stays when its next version cannot be read, also when the source starts over") {
  Manifests m;
  m.put("a.yaml", network_policy("p", "{podSelector: {}, ingress: [{}]}"));
  auto good = get_policy(m.now());
  auto broken = network_policy("p", "{podSelector: {}, ingress: [{ports: [{port: 0}]}]}");
  m.put("a.yaml", broken);
  CHECK(get_policy(m.now()) == good);
  m.fold().apply({{Event{SourceReset{"files"}, {}}}});
  m.put("a.yaml", broken);
  m.fold().apply({{Event{SourceSynced{"files"}, {}}}});
  CHECK(get_policy(m.now()) == good);
  CHECK_FALSE(m.said_of("a.yaml").empty());
  m.put("a.yaml", "");
  CHECK(m.now().network_policies.size() == 0);
}

TEST_CASE("a broken cluster policy denies what it selects, or does nothing when it does not say what") {
  Manifests m;
  m.put("a.yaml", cluster_policy("p",
                                 "{tier: Admin, priority: 5, subject: {namespaces: {}}, ingress: [{action: Allow, "
                                 "from: [{namespaces: {}}]}]}"));
  const auto& denies = get_cluster(m.now());
  CHECK((denies.broken && denies.ingress.applies && !denies.egress.applies));
  CHECK(denies.ingress.rules.at(0).action == RuleAction::kDeny);
  CHECK((denies.ingress.rules.at(0).any_peer && denies.ingress.rules.at(0).any_port));
  m.put("b.yaml",
        cluster_policy("q",
                       "{tier: Admin, priority: 5, subject: {}, ingress: [{action: Deny, from: [{namespaces: {}}]}]}"));
  const auto& nothing = get_cluster(m.now(), "q");
  CHECK((nothing.broken && !nothing.ingress.applies && nothing.ingress.rules.empty()));
}

TEST_CASE("the annotation puts a policy into audit mode") {
  Manifests m;
  m.put("a.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop, annotations: "
        "{mesh.weft.dev/mode: audit}}\nspec: {podSelector: {}}\n");
  CHECK(get_policy(m.now()).audit);
}

namespace {

std::vector<std::string> findings_of(const std::string& text) {
  Manifests m;
  m.put("a.yaml", text);
  CHECK(m.said_of("a.yaml").empty());
  std::vector<std::string> out;
  for (const auto& d : analyze(m.now())) out.push_back(d.object.name + " " + d.code + " " + d.field);
  return out;
}

using Lines = std::vector<std::string>;
const std::string kWebPod = pod("web", "{app: web}", ready("10.0.0.1"),
                                "{nodeName: n1, containers: [{ports: [{name: http, containerPort: 8080}]}]}");
const std::string kCartPod = pod("cart", "{app: cart}", ready("10.0.0.2"), "{nodeName: n1}");

}  // namespace

TEST_CASE("policies that do what they say have no findings") {
  CHECK(findings_of(kWebPod + kCartPod +
                    network_policy("p",
                                   "{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: "
                                   "{matchLabels: {app: cart}}}], ports: [{port: http}, {port: 8000, endPort: 9000}]}, "
                                   "{from: [{ipBlock: {cidr: 192.0.2.0/24}}]}]}") +
                    cluster_policy("c",
                                   "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, to: "
                                   "[{networks: [192.0.2.0/24, 198.51.100.0/24]}]}]}"))
            .empty());
}

TEST_CASE("selectors of policies that match nothing are found") {
  CHECK(findings_of(kWebPod + network_policy("p", "{podSelector: {matchLabels: {app: wen}}}")) ==
        Lines{"p WEFT1303 spec.podSelector"});
  CHECK(findings_of(kWebPod +
                    cluster_policy("p", "{tier: Admin, priority: 1, subject: {namespaces: {matchLabels: {a: b}}}}")) ==
        Lines{"p WEFT1303 spec.subject"});
  CHECK(findings_of(kWebPod + network_policy("p",
                                             "{podSelector: {}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}, "
                                             "{podSelector: {matchLabels: {app: cart}}}]}]}")) ==
        Lines{"p WEFT1304 spec.ingress[0].from[1]"});
  CHECK(findings_of(kWebPod +
                    cluster_policy("p",
                                   "{tier: Admin, priority: 1, subject: {namespaces: {}}, egress: [{action: Deny, "
                                   "to: [{nodes: {matchLabels: {role: x}}}]}]}")) ==
        Lines{"p WEFT1304 spec.egress[0].to"});
}

TEST_CASE("ports of policies that nobody has or serves are found") {
  auto ingress = [](const std::string& port) {
    return kWebPod + network_policy("p", "{podSelector: {}, ingress: [{ports: [" + port + "]}]}");
  };
  CHECK(findings_of(ingress("{port: https}")) == Lines{"p WEFT1305 spec.ingress[0].ports[0]"});
  CHECK(findings_of(ingress("{port: http, protocol: UDP}")) == Lines{"p WEFT1305 spec.ingress[0].ports[0]"});
  CHECK(findings_of(ingress("{port: 80}")) == Lines{"p WEFT1306 spec.ingress[0].ports[0]"});
  CHECK(findings_of(kCartPod + ingress("{port: 80}")).empty());  // a pod that declares nothing may serve anything
  CHECK(
      findings_of(kWebPod + network_policy(
                                "p", "{podSelector: {}, egress: [{to: [{podSelector: {}}], ports: [{port: 443}]}]}")) ==
      Lines{"p WEFT1306 spec.egress[0].ports[0]"});
}

TEST_CASE("rules that can never decide are found") {
  CHECK(findings_of(kWebPod + network_policy("p", "{podSelector: {}, ingress: [{}, {ports: [{port: 8080}]}]}")) ==
        Lines{"p WEFT1307 spec.ingress[1]"});
  auto rules = [](const std::string& name, int priority, const std::string& list) {
    return cluster_policy(name, "{tier: Admin, priority: " + std::to_string(priority) +
                                    ", subject: {namespaces: {}}, ingress: [" + list + "]}");
  };
  const std::string all = "{action: Deny, from: [{namespaces: {}}]}";
  const std::string some = "{action: Accept, from: [{pods: {podSelector: {matchLabels: {app: web}}}}]}";
  CHECK(findings_of(kWebPod + rules("p", 1, all + "," + some)) == Lines{"p WEFT1307 spec.ingress[1]"});
  CHECK(findings_of(kWebPod + rules("p", 1, some + "," + all)).empty());
  CHECK(findings_of(kWebPod + rules("a", 1, all) + rules("b", 2, some)) == Lines{"b WEFT1307 spec.ingress[0]"});
  CHECK(findings_of(kWebPod + rules("a", 2, all) + rules("b", 1, some)).empty());
  CHECK(findings_of(kWebPod + rules("a", 1, all) + rules("b", 1, some)) == Lines{"b WEFT1308 spec.priority"});
}

TEST_CASE("a block with a hole covers only what has the hole too") {
  auto rule = [](const std::string& block) {
    return read_policy("{podSelector: {}, ingress: [{from: [{ipBlock: " + block + "}]}]}").ingress.rules.at(0);
  };
  auto whole = rule("{cidr: 10.0.0.0/8}"), holed = rule("{cidr: 10.0.0.0/8, except: [10.1.0.0/16]}");
  CHECK((covers(whole, holed) && !covers(holed, whole)));
  CHECK(covers(holed, rule("{cidr: 10.2.0.0/16}")));
  CHECK_FALSE(covers(holed, rule("{cidr: 10.1.2.0/24}")));
  CHECK(covers(holed, rule("{cidr: 10.0.0.0/9, except: [10.1.0.0/16]}")));
}
