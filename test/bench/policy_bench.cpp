// From policies to tables: processor time and memory for 10,000 pods and 1,000 policies, 250 of the pods here; then one
// change of each kind. usage: policy_bench [PODS [POLICIES [LOCAL]]]
#include <fmt/format.h>
#include <malloc.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "agent/compile/policy_compiler.hpp"
#include "agent/model/fold.hpp"

using namespace weft;

namespace {

constexpr int kSpaces = 100;
constexpr int kAppsPerSpace = 20;

struct Size {
  int pods = 10000, policies = 1000, local = 250;
};

std::shared_ptr<const Pod> make_pod(int i, int local, const std::string& tier) {
  auto pod = std::make_shared<Pod>();
  pod->metadata.space = "ns" + std::to_string(i % kSpaces);
  pod->metadata.name = "pod" + std::to_string(i);
  pod->metadata.uid = "uid" + std::to_string(i);
  pod->metadata.labels = {{"app", "app" + std::to_string(i / kSpaces % kAppsPerSpace)},
                          {"tier", tier},
                          {"pod-template-hash", std::to_string(i)}};
  pod->node = i == 0 || i * 7919LL % 10000 < local ? "node-a" : "node-b";  // spread over namespaces and apps
  pod->service_account = "default";
  pod->addresses = {IpAddress::v4(0x0A000000U + static_cast<std::uint32_t>(i) + 1)};
  pod->running = pod->ready = true;
  pod->ports = {{"http", 8080, Protocol::kTcp, ""}};
  return pod;
}

LabelSelector label(const std::string& key, const std::string& value) {
  return {{{key, LabelSelector::Operator::kIn, {value}}}};
}

// Ten policies a namespace: two for each of five apps; each with a peer of its own, one of another namespace and a
// block.
std::shared_ptr<const NetworkPolicy> make_policy(int i, std::uint16_t port) {
  auto policy = std::make_shared<NetworkPolicy>();
  policy->metadata.space = "ns" + std::to_string(i % kSpaces);
  policy->metadata.name = "policy" + std::to_string(i);
  policy->subject.pods = i % 3 == 0 ? LabelSelector() : label("app", "app" + std::to_string(i / kSpaces));
  policy->ingress.applies = policy->egress.applies = true;
  PolicyRule in;
  in.peers = {PodSelection{{}, label("app", "app" + std::to_string(i % kAppsPerSpace))},
              PodSelection{label("kubernetes.io/metadata.name", "ns" + std::to_string(i * 7 % kSpaces)), {}}};
  in.ports = {{Protocol::kTcp, port, port, ""}, {Protocol::kTcp, 30000, 32767, ""}};
  PolicyRule out;
  out.peers = {NetworkBlock{*Cidr::parse("10.0.0.0/8"), {*Cidr::parse("10." + std::to_string(i % 200) + ".0.0/16")}},
               PodSelection{LabelSelector(), label("app", "app" + std::to_string(i % 4))}};
  out.ports = {{Protocol::kUdp, 53, 53, ""}, {Protocol::kTcp, 443, 443, ""}};
  policy->ingress.rules = {in};
  policy->egress.rules = {out};
  return policy;
}

class Bench {
 public:
  explicit Bench(const Size& size) : size_(size) {
    std::vector<Event> events;
    for (int i = 0; i < size.pods; ++i) events.push_back({ObjectChanged{"b", "f", make_pod(i, size.local, "a")}, {}});
    for (int i = 0; i < size.policies; ++i) events.push_back({ObjectChanged{"b", "f", make_policy(i, 80)}, {}});
    fold_.apply(events);
  }

  void run() {
    auto before = mallinfo2().uordblks;
    time("from scratch", {});
    fmt::print("memory of the compiler: {:.1f} MiB; {} subjects, {} rows, {} peers, {} networks, {} rules\n",
               static_cast<double>(mallinfo2().uordblks - before) / (1 << 20), tables_->subjects.size(),
               tables_->row_count(), tables_->peers->size(), tables_->networks->size(), tables_->rules->size());
    time("nothing changed", {});
    time("a policy changed", make_policy(1, 81));
    time("a policy changed back", make_policy(1, 80));
    time("a pod elsewhere with a new class", make_pod(1, size_.local, "b"));
    time("a pod here with a new class", make_pod(0, size_.local, "b"));
    time("a pod came, its class known", make_pod(size_.pods + kSpaces, size_.local, "a"));
    auto space = std::make_shared<Namespace>();
    space->metadata.name = "ns1";
    space->metadata.labels = {{"team", "x"}};
    time("labels of a namespace", std::shared_ptr<const Namespace>(space));
  }

 private:
  void time(const char* what, std::optional<Object> object) {
    if (object) fold_.apply({{Event{ObjectChanged{"b", "f", *object}, {}}}});
    auto begin = std::chrono::steady_clock::now();
    tables_ = compiler_.compile(*fold_.snapshot(), {"node-a", "", "", {IpAddress::v4(0x0B000001)}});
    std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    fmt::print("{:<34} {:8.2f} ms\n", what, took.count());
  }

  Size size_;
  Fold fold_;
  PolicyCompiler compiler_{PolicyNumbers{}};
  std::shared_ptr<const PolicyTables> tables_;
};

}  // namespace

int main(int argc, char** argv) {
  Size size;
  if (argc > 1) size.pods = std::atoi(argv[1]);
  if (argc > 2) size.policies = std::atoi(argv[2]);
  if (argc > 3) size.local = std::atoi(argv[3]);
  Bench(size).run();
}
