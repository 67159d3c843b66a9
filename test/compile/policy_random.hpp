// Random worlds for policies, biased to what goes wrong: overlapping ranges and blocks, exceptions, denials against
// narrower allowances, names of ports, lists that are empty or absent, equal priorities.
#pragma once

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "test/compile/policy_naive.hpp"

namespace weft::test {

class PolicyRandom {
 public:
  explicit PolicyRandom(std::uint64_t seed) : random_(seed) {}

  naive::World world();
  void change(naive::World& world);  // one pod, policy or namespace
  int below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }
  bool chance(int percent) { return below(100) < percent; }

 private:
  template <class T>
  const T& one_of(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(below(static_cast<int>(values.size())))];
  }
  naive::Labels labels();
  naive::Selector selector();
  naive::Address address(int host, bool v6);
  naive::Block block();
  naive::Peer block_peer();
  naive::Peer pod_peer(bool cluster);
  naive::Port port(bool cluster, bool names);
  naive::Pod pod(int number);
  naive::Policy network_policy(int number);
  naive::Policy cluster_policy(int number, bool unique);
  naive::Rules network_rules();
  naive::Rules cluster_rules(bool ingress, bool sorted);
  naive::Rule cluster_rule(bool ingress);

  std::mt19937_64 random_;
  int next_policy_ = 100;
};

nlohmann::json to_json(const naive::Policy& policy);
nlohmann::json to_json(const naive::Pod& pod);
nlohmann::json to_json(const naive::Node& node);
std::string text_of(const naive::Address& address);

}  // namespace weft::test
