// Random policies against a naive reading of the API documents: verdict, reason and rule, enforced and audited, of
// every pair of addresses; and tables that follow changes equal tables made from scratch. WEFT_SEED repeats a run,
// WEFT_POLICY_VERDICTS sets its length.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "agent/compile/policy_text.hpp"
#include "test/compile/policy_random.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

using nlohmann::json;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// The product's view of a world; follows its changes.
class Product {
 public:
  void follow(const naive::World& world) {
    std::map<ObjectKey, json> now;
    for (const auto& [name, labels] : world.spaces)
      now[{ObjectKind::kNamespace, "", name}] = {
          {"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}, {"labels", labels}}}};
    for (const auto& pod : world.pods) now[{ObjectKind::kPod, pod.space, pod.name}] = to_json(pod);
    for (const auto& node : world.nodes) now[{ObjectKind::kNode, "", node.name}] = to_json(node);
    for (const auto& p : world.policies)
      now[{p.tier == "NetworkPolicy" ? ObjectKind::kNetworkPolicy : ObjectKind::kClusterNetworkPolicy, p.space,
           p.name}] = to_json(p);
    for (const auto& [key, object] : held_)
      if (!now.contains(key)) product.remove(key);
    for (const auto& [key, object] : now)
      if (auto it = held_.find(key); it == held_.end() || it->second != object) product.take(decode(key, object));
    held_ = std::move(now);
    product.compile();
  }
  PolicyWorld product;

 private:
  static Decoded decode(const ObjectKey& key, const json& object) {
    auto decoded = decode_json("random", object);
    if (decoded.refused.empty() && decoded.objects.size() == 1) return decoded;
    FAIL(key.text() << " is refused: " << object.dump() << "\n"
                    << decoded.diagnostics.at(0).field << " " << decoded.diagnostics.at(0).reason);
    return decoded;
  }
  std::map<ObjectKey, json> held_;
};

std::vector<naive::End> ends_of(const naive::World& world) {
  std::vector<naive::End> out;
  for (const auto& pod : world.pods)
    if (!pod.host_network)
      for (const auto& address : pod.addresses) out.push_back({&pod, nullptr, address});
  for (const auto& node : world.nodes)
    for (const auto& address : node.addresses) out.push_back({nullptr, &node, address});
  for (const auto& address : world.outside) out.push_back({nullptr, nullptr, address});
  return out;
}

std::string reason_name(std::uint8_t reason) {
  static constexpr const char* names[] = {
#define WEFT_REASON_NAME(code, name, sentence) name,
      WEFT_VERDICT_REASONS(WEFT_REASON_NAME)
#undef WEFT_REASON_NAME
  };
  return names[reason];
}

std::string rule_text(const PolicyTables& tables, std::uint32_t rule) {
  const auto& name = tables.rules->at(rule);
  return std::string(tier_name(name.tier)) + " " + name.policy.space + "/" + name.policy.name + " " +
         std::to_string(name.index);
}

// Empty when both agree.
std::string difference(const naive::Answer& want, const weft_decision& got, const PolicyTables& tables) {
  auto shown = std::string(got.verdict == WEFT_VERDICT_ALLOW ? "allowed " : "denied ") + reason_name(got.reason) +
               (got.rule == 0 ? "" : " by " + rule_text(tables, got.rule));
  bool same = want.allowed == (got.verdict == WEFT_VERDICT_ALLOW) && want.reason == reason_name(got.reason) &&
              (want.names.empty() ? got.rule == 0 : got.rule != 0 && want.names.contains(rule_text(tables, got.rule)));
  if (same) return {};
  auto wanted = std::string(want.allowed ? "allowed " : "denied ") + want.reason;
  for (const auto& name : want.names) wanted += ", " + name;
  return "got " + shown + "; want " + wanted;
}

class Judge {
 public:
  Judge(const naive::World& world, std::shared_ptr<const PolicyTables> tables, PolicyRandom& random)
      : world_(world), evaluator_(world), lookup_(std::move(tables)), random_(random) {}

  void all() {
    auto ends = ends_of(world_);
    for (const auto& client : ends)
      for (const auto& server : ends)
        if (client.address.v6 == server.address.v6 && (client.pod != nullptr || !(client.address == server.address)))
          pair(client, server);
  }
  std::size_t verdicts = 0;
  std::vector<std::string> faults;

 private:
  void pair(const naive::End& client, const naive::End& server) {
    static const int ports[] = {1,    16,   17,   79,    81,    90,    91,    95,    96,    511,  512,
                                999,  1000, 1050, 1100,  1101,  4095,  4350,  4351,  8000,  8001, 8064,
                                8065, 8190, 8191, 29999, 30000, 31234, 32767, 32768, 64999, 65535};
    static const int named[] = {80, 81, 443, 8080};  // what pods give names to
    static const std::pair<const char*, std::uint8_t> protocols[] = {
        {"TCP", 6}, {"TCP", 6}, {"UDP", 17}, {"SCTP", 132}, {"ICMP", 1}};
    for (int i = 0; i < 4; ++i) {
      auto [name, number] = protocols[random_.below(5)];
      int port = number == 1 ? 0 : random_.chance(50) ? named[random_.below(4)] : ports[random_.below(32)];
      auto got =
          lookup_.decide({product(client.address), product(server.address), static_cast<std::uint16_t>(port), number});
      side({&client, &server, false, name, port}, got.egress);
      side({&server, &client, true, name, port}, got.ingress);
    }
  }

  void side(const naive::Question& q, const std::optional<PolicySideVerdict>& got) {
    const auto* pod = q.subject->pod;
    bool local = pod != nullptr && pod->node == "node-a";
    bool judged = local && (evaluator_.is_selected(*pod, false) || evaluator_.is_selected(*pod, true));
    ++verdicts;
    if (judged != got.has_value()) return fault(q, judged ? "is not judged" : "is judged");
    if (!judged) return;
    auto answer = evaluator_.judge(q, false);
    if (auto text = difference(answer, got->decision, lookup_.tables()); !text.empty()) fault(q, text);
    bool exempt = answer.reason == "own_node" || answer.reason == "itself";
    if (!got->audit) {
      if (evaluator_.is_selected(*pod, true) && !exempt) fault(q, "has no audited verdict");
      return;
    }
    ++verdicts;
    auto text = difference(evaluator_.judge(q, true), *got->audit, lookup_.tables());
    if (!text.empty()) fault(q, "audited: " + text);
  }

  static IpAddress product(const naive::Address& address) { return IpAddress::parse(text_of(address)).value(); }

  void fault(const naive::Question& q, const std::string& what) {
    if (faults.size() > 5) return;
    json policies = json::array();
    for (const auto& policy : world_.policies) policies.push_back(to_json(policy));
    faults.push_back((q.ingress ? "ingress of " : "egress of ") + text_of(q.subject->address) + ", peer " +
                     text_of(q.peer->address) + " " + q.protocol + "/" + std::to_string(q.port) + " " + what +
                     (faults.empty() ? "\n" + policies.dump(1) : std::string()));
  }

  const naive::World& world_;
  naive::Evaluator evaluator_;
  PolicyLookup lookup_;
  PolicyRandom& random_;
};

// The kernel in the middle of a change: rows of both tables, each address as it was or as it will be. Who an address is
// changes everywhere before any subject does.
class Transition {
 public:
  Transition(const PolicyTables& before, const PolicyTables& after) {
    auto both = std::make_shared<PolicyTables>(after);
    for (const auto& [id, table] : before.subjects) merge(*both, table);
    all_ = both;
    for (bool late : {false, true}) peers_[late] = std::make_unique<PolicyLookup>(with_peers(late ? after : before));
  }
  // The end that judges and its peer, each before or after the change.
  weft_decision decide(const PolicyQuery& query, weft_direction direction, bool own_late, bool peer_late) const {
    bool ingress = direction == WEFT_INGRESS;
    auto own = peers_[own_late]->peer_of(ingress ? query.server : query.client);
    auto peer = peers_[peer_late]->peer_of(ingress ? query.client : query.server);
    return peers_[0]->decide_side(own, peer, query, direction)->decision;
  }
  bool judges(const IpAddress& own, bool late) const { return peers_[late]->peer_of(own).subject != 0; }
  const PolicyTables& tables() const { return *all_; }

 private:
  // No row may say two things.
  static void merge(PolicyTables& both, const std::shared_ptr<const SubjectTable>& table) {
    auto [it, added] = both.subjects.emplace(table->id, table);
    if (added) return;
    std::map<std::string, weft_policy> rows;
    auto text = [](const weft_policy_key& key) { return std::string(reinterpret_cast<const char*>(&key), sizeof key); };
    it->second->for_each_row([&](const weft_policy_key& key, const weft_policy& row) { rows[text(key)] = row; });
    table->for_each_row([&](const weft_policy_key& key, const weft_policy& row) {
      if (auto other = rows.find(text(key)); other != rows.end()) REQUIRE(bytes_equal(other->second, row));
    });
  }
  std::shared_ptr<const PolicyTables> with_peers(const PolicyTables& tables) const {
    auto out = std::make_shared<PolicyTables>(*all_);
    out->peers = tables.peers;
    out->networks = tables.networks;
    return out;
  }
  std::shared_ptr<const PolicyTables> all_;
  std::unique_ptr<PolicyLookup> peers_[2];
};

std::optional<naive::End> end_at(const naive::World& world, const naive::Address& address) {
  for (const auto& end : ends_of(world))
    if (end.address == address) return end;
  return std::nullopt;
}

// Every mixture of old and new must be what the old or the new policies of one end say about the old or the new other
// end.
std::size_t judge_transition(const Transition& change, const naive::World& before, const naive::World& after,
                             PolicyRandom& random) {
  std::size_t verdicts = 0;
  const naive::World* worlds[] = {&before, &after};
  for (const auto& own : ends_of(after))
    for (const auto& other : ends_of(after)) {
      bool own_late = random.chance(50), peer_late = own_late || random.chance(50), ingress = random.chance(50);
      if (own.address.v6 != other.address.v6 || own.address == other.address) continue;
      auto subject = end_at(*worlds[own_late], own.address), peer = end_at(*worlds[peer_late], other.address);
      auto own_ip = IpAddress::parse(text_of(own.address)).value(),
           peer_ip = IpAddress::parse(text_of(other.address)).value();
      if (!subject || !peer || !change.judges(own_ip, own_late)) continue;
      peer->world = worlds[peer_late];
      static const int ports[] = {80, 81, 443, 1050, 31234};
      int port = ports[random.below(5)];
      auto want = naive::Evaluator(*worlds[own_late]).judge({&*subject, &*peer, ingress, "TCP", port}, false);
      PolicyQuery query{ingress ? peer_ip : own_ip, ingress ? own_ip : peer_ip, static_cast<std::uint16_t>(port), 6};
      auto got = change.decide(query, ingress ? WEFT_INGRESS : WEFT_EGRESS, own_late, peer_late);
      auto text = difference(want, got, change.tables());
      if (!text.empty())
        FAIL((ingress ? "ingress of " : "egress of ") + own_ip.text() + (own_late ? " after" : " before") + ", peer " +
             peer_ip.text() + (peer_late ? " after: " : " before: ") + std::to_string(port) + " " + text);
      ++verdicts;
    }
  return verdicts;
}

}  // namespace

TEST_CASE("random policies decide as a naive evaluator does, also after changes") {
  auto seed = number_from("WEFT_SEED", std::random_device{}());
  auto wanted = number_from("WEFT_POLICY_VERDICTS", 1000000);
  PolicyRandom random(seed);
  std::uint64_t verdicts = 0, worlds = 0;
  for (; verdicts < wanted; ++worlds) {
    auto world = random.world();
    Product product;
    for (int round = 0; round < 4; ++round) {
      INFO("WEFT_SEED=" << seed << " world " << worlds << " round " << round);
      product.follow(world);
      Judge judge(world, product.product.tables, random);
      judge.all();
      verdicts += judge.verdicts;
      for (const auto& fault : judge.faults) UNSCOPED_INFO(fault);
      REQUIRE(judge.faults.empty());
      product.product.settle();
      Product fresh;
      fresh.follow(world);
      fresh.product.settle();
      REQUIRE(policy_text(*product.product.tables) == policy_text(*fresh.product.tables));
      random.change(world);
    }
  }
  WARN("WEFT_SEED=" << seed << ": " << verdicts << " verdicts in " << worlds << " worlds");
}

TEST_CASE("in the middle of a change every packet meets the old or the new") {
  auto seed = number_from("WEFT_SEED", std::random_device{}());
  PolicyRandom random(seed);
  std::size_t verdicts = 0;
  for (int i = 0; i < 300; ++i) {
    INFO("WEFT_SEED=" << seed << " world " << i);
    auto before = random.world();
    Product product;
    product.follow(before);
    auto old = product.product.settle();
    auto after = before;
    for (int changes = 1 + random.below(3); changes > 0; --changes) random.change(after);
    product.follow(after);
    verdicts += judge_transition(Transition(*old, *product.product.tables), before, after, random);
    // What went is let go in steps that are changes themselves.
    while (product.product.tables->settling) {
      auto last = product.product.tables;
      product.product.compile();
      verdicts += judge_transition(Transition(*last, *product.product.tables), after, after, random);
    }
  }
  WARN("WEFT_SEED=" << seed << ": " << verdicts << " verdicts");
}

}  // namespace weft::test
