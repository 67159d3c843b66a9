#include "agent/model/decode.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

template <class T>
std::shared_ptr<const T> one(const std::string& text) {
  auto decoded = decode_manifest("a.yaml", text);
  for (const auto& d : decoded.diagnostics) UNSCOPED_INFO(d.field << " " << d.reason);
  REQUIRE(decoded.diagnostics.empty());
  REQUIRE(decoded.objects.size() == 1);
  return std::get<std::shared_ptr<const T>>(decoded.objects[0].object);
}

std::shared_ptr<const Service> service_of(const std::string& spec) { return one<Service>(service("web", spec)); }

std::string owned_pod(const std::string& kind, const std::string& owner, const std::string& hash = "") {
  auto label = hash.empty() ? "" : ", labels: {pod-template-hash: " + hash + "}";
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: p-1" + label +
         ", ownerReferences: [{kind: ReplicaSet, name: no}, {kind: " + kind + ", name: " + owner +
         ", controller: true}]}\n";
}

}  // namespace

TEST_CASE("a full service is understood") {
  auto s = service_of(
      "{type: LoadBalancer, clusterIP: 10.96.0.1, clusterIPs: [10.96.0.1, 'fd00::1'], externalIPs: [203.0.113.1], "
      "selector: {app: web}, sessionAffinity: ClientIP, internalTrafficPolicy: Local, externalTrafficPolicy: Local, "
      "publishNotReadyAddresses: true, trafficDistribution: PreferClose, ports: [{name: http, port: 80, targetPort: "
      "web, "
      "nodePort: 30080, appProtocol: kubernetes.io/h2c}, {name: dns, port: 53, protocol: UDP, targetPort: 5353}]}");
  CHECK(s->type == Service::Type::kLoadBalancer);
  CHECK(s->cluster_ips.size() == 2);
  CHECK(s->external_ips.size() == 1);
  CHECK(s->selector->at("app") == "web");
  CHECK(s->affinity_timeout_s == 10800);
  CHECK(s->internal_local);
  CHECK(s->external_local);
  CHECK(s->publish_not_ready);
  CHECK(s->distribution == Service::Distribution::kPreferZone);
  CHECK(s->ports[0] == ServicePort{"http", Protocol::kTcp, 80, 80, "web", 30080, "kubernetes.io/h2c"});
  CHECK(s->ports[1] == ServicePort{"dns", Protocol::kUdp, 53, 5353, "", 0, ""});
}

TEST_CASE("defaults of a service are those of Kubernetes") {
  auto s = service_of("{ports: [{port: 80}]}");
  CHECK(s->type == Service::Type::kClusterIp);
  CHECK_FALSE(s->headless);
  CHECK(s->affinity_timeout_s == 0);
  CHECK(s->ports[0].target_port == 80);
  CHECK_FALSE(s->selector.has_value());
  CHECK(service_of("{clusterIP: None}")->headless);
  CHECK(service_of("{clusterIP: None, clusterIPs: [None]}")->headless);
  CHECK(service_of("{clusterIP: '', ports: [{port: 80}]}")->cluster_ips.empty());
  CHECK(service_of(
            "{sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}, ports: [{port: 1}]}")
            ->affinity_timeout_s == 60);
  CHECK(service_of("{trafficDistribution: PreferSameNode, ports: [{port: 1}]}")->distribution ==
        Service::Distribution::kPreferNode);
}

TEST_CASE("the address of a load balancer comes from the status") {
  auto s = one<Service>(service("web", "{type: LoadBalancer, ports: [{port: 80}]}") +
                        "status: {loadBalancer: {ingress: [{ip: 203.0.113.9}, {hostname: lb.example}]}}\n");
  CHECK(s->external_ips == std::vector<IpAddress>{IpAddress::v4(0xCB007109)});
}

TEST_CASE("fields of Kubernetes kinds that weft does not know are skipped") {
  CHECK(service_of(
      "{ports: [{port: 80}], ipFamilies: [IPv4], allocateLoadBalancerNodePorts: false, futureField: {a: 1}}"));
}

TEST_CASE("the owner of a pod is its workload") {
  CHECK(one<Pod>(owned_pod("ReplicaSet", "web-7d9", "7d9"))->owner == "web");
  CHECK(one<Pod>(owned_pod("ReplicaSet", "web-7d9"))->owner == "web-7d9");
  CHECK(one<Pod>(owned_pod("ReplicaSet", "web-7d9", "abc"))->owner == "web-7d9");
  CHECK(one<Pod>(owned_pod("DaemonSet", "agent"))->owner == "agent");
  CHECK(one<Pod>(owned_pod("StatefulSet", "db", "db"))->owner == "db");
  CHECK(one<Pod>(owned_pod("Job", "backup-28"))->owner == "backup-28");
  CHECK(one<Pod>(owned_pod("Node", "n1"))->owner == "p-1");
  CHECK(one<Pod>("apiVersion: v1\nkind: Pod\nmetadata: {name: alone}\n")->owner == "alone");
}

TEST_CASE("a pod knows its node, account, addresses and ports") {
  auto p = one<Pod>(
      "apiVersion: v1\nkind: Pod\nmetadata: {name: p, uid: abc}\nspec:\n  nodeName: n1\n  serviceAccountName: web\n"
      "  hostNetwork: true\n  containers: [{ports: [{name: http, containerPort: 80}]}]\n"
      "  initContainers: [{restartPolicy: Always, ports: [{containerPort: 9, protocol: UDP}]}, {ports: "
      "[{containerPort: 5}]}]\n"
      "status: {phase: Running, podIP: 10.0.0.1, podIPs: [{ip: 10.0.0.1}, {ip: 'fd00::1'}]}\n");
  CHECK(p->metadata.space == "default");
  CHECK(p->metadata.uid == "abc");
  CHECK(p->node == "n1");
  CHECK(p->service_account == "web");
  CHECK(p->host_network);
  CHECK(p->running);
  CHECK(p->addresses.size() == 2);
  CHECK(p->ports == std::vector<NamedPort>{{"http", 80, Protocol::kTcp, ""}, {"", 9, Protocol::kUdp, ""}});
  CHECK(one<Pod>("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n")->service_account == "default");
}

TEST_CASE("a Workload reads as the interface says") {
  auto w = one<Workload>(
      workload("pay", "{app: pay}",
               "{node: vm-1, process: {systemdUnit: payments.service}, addresses: [192.0.2.10], "
               "ports: [{name: http, port: 8080, protocol: TCP, appProtocol: http}], serviceAccount: payments}"));
  CHECK(w->node == "vm-1");
  CHECK(w->process.systemd_unit == "payments.service");
  CHECK(w->service_account == "payments");
  CHECK(w->ports == std::vector<NamedPort>{{"http", 8080, Protocol::kTcp, "http"}});
  CHECK(one<Workload>(workload("w", "{}", "{process: {uid: 0}}"))->process.uid == 0U);
  CHECK(one<Workload>(workload("w", "{}", "{process: {cgroup: /a.slice/b}}"))->process.cgroup == "/a.slice/b");
  CHECK(one<Workload>(workload("w", "{}", "{}"))->service_account == "default");
}

TEST_CASE("lists are taken apart, typed ones too") {
  auto decoded = decode_manifest("a.json", R"({"apiVersion":"v1","kind":"ServiceList","items":[
    {"metadata":{"name":"a"},"spec":{"ports":[{"port":1}]}},
    {"metadata":{"name":"b"},"spec":{"ports":[{"port":2}]}}]})");
  REQUIRE(decoded.objects.size() == 2);
  CHECK(decoded.objects[1].origin == "a.json:3");
  CHECK(decode_manifest("a.yaml", "apiVersion: v1\nkind: List\nitems: []\n").diagnostics.empty());
}

TEST_CASE("values from the Kubernetes API decode as files do") {
  auto json = nlohmann::json::parse(
      R"({"apiVersion":"v1","kind":"Service","metadata":{"name":"a"},"spec":{"ports":[{"port":70000}]}})");
  auto decoded = decode_json("watch", json);
  REQUIRE(decoded.diagnostics.size() == 1);
  CHECK(decoded.diagnostics[0].origin == "watch");
  CHECK(decoded.diagnostics[0].field == "spec.ports[0].port");
  CHECK(decoded.refused == std::vector<ObjectKey>{{ObjectKind::kService, "default", "a"}});
}

TEST_CASE("every problem of an object is said in one pass") {
  auto decoded = decode_manifest("a.yaml", service("web", "{clusterIP: x, type: y, ports: [{port: 0}]}"));
  CHECK(decoded.diagnostics.size() == 3);
}

TEST_CASE("label selectors match as in Kubernetes") {
  using Op = LabelSelector::Operator;
  Labels labels{{"app", "web"}, {"tier", "front"}};
  CHECK(LabelSelector{}.matches(labels));
  CHECK(LabelSelector{{{"app", Op::kIn, {"api", "web"}}}}.matches(labels));
  CHECK_FALSE(LabelSelector{{{"app", Op::kIn, {"api"}}}}.matches(labels));
  CHECK_FALSE(LabelSelector{{{"none", Op::kIn, {"api"}}}}.matches(labels));
  CHECK(LabelSelector{{{"none", Op::kNotIn, {"api"}}}}.matches(labels));
  CHECK_FALSE(LabelSelector{{{"app", Op::kNotIn, {"web"}}}}.matches(labels));
  CHECK(LabelSelector{{{"app", Op::kExists, {}}, {"none", Op::kDoesNotExist, {}}}}.matches(labels));
  CHECK_FALSE(LabelSelector{{{"app", Op::kExists, {}}, {"tier", Op::kDoesNotExist, {}}}}.matches(labels));
}
