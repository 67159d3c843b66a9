// Names, events and edges for the tests of observe and api.
#pragma once

#include <cstring>
#include <map>

#include "agent/observe/edges.hpp"
#include "agent/observe/flow.hpp"

namespace weft::test {

class FakeNames final : public NameSource {
 public:
  std::map<std::uint32_t, NamespacedName> workloads{
      {256, {"shop", "cart"}}, {257, {"shop", "web"}}, {258, {"bank", "vault"}}};
  std::map<std::uint32_t, NamespacedName> services{{1, {"shop", "web"}}, {2, {"bank", "vault"}}};
  std::map<std::uint16_t, std::string> zones{{1, "z1"}, {2, "z2"}};
  std::map<std::uint32_t, RuleWords> rules{{11, {"NetworkPolicy", {"shop", "web"}, "default", "NetworkPolicy"}},
                                           {12, {"NetworkPolicy", {"shop", "web"}, "ingress[0]", "NetworkPolicy"}},
                                           {13, {"ClusterNetworkPolicy", {"", "guard"}, "no-batch", "Admin"}}};
  std::map<std::uint32_t, bool> gone;

  const NamespacedName* find_workload(std::uint32_t id) const override { return find(workloads, id); }
  const NamespacedName* find_service(std::uint32_t id) const override { return find(services, id); }
  const std::string* find_zone(std::uint16_t id) const override { return find(zones, id); }
  bool workload_lives(std::uint32_t id) const override { return !gone.contains(id); }
  std::optional<RuleWords> find_rule(std::uint32_t id) const override {
    const auto* found = find(rules, id);
    return found == nullptr ? std::nullopt : std::optional(*found);
  }
  bool rule_lives(std::uint32_t id) const override { return rules.contains(id) && !gone.contains(id); }

 private:
  template <class Map, class Id>
  static const typename Map::mapped_type* find(const Map& map, Id id) {
    auto it = map.find(id);
    return it == map.end() ? nullptr : &it->second;
  }
};

inline weft_address address(const char* text) {
  weft_address out{};
  auto parsed = IpAddress::parse(text);
  std::memcpy(out.word, parsed.value().bytes.data(), sizeof out.word);
  return out;
}

// A closed TCP connection shop/cart 10.1.0.5:40000 → shop/web 10.1.0.2:8080, dialled as 10.96.0.10:80.
inline weft_flow_event closed_event() {
  weft_flow_event event{};
  event.time_ns = 5'000'000'000;
  event.cgroup = 77;
  event.source = address("10.1.0.5");
  event.destination = address("10.1.0.2");
  event.service_address = address("10.96.0.10");
  event.source_port = htons(40000);
  event.destination_port = htons(8080);
  event.service_port = htons(80);
  event.kind = WEFT_FLOW_CLOSE;
  event.protocol = IPPROTO_TCP;
  event.reason = WEFT_CLOSE_FIN;
  event.source_zone = 1;
  event.destination_zone = 2;
  event.source_workload = 256;
  event.destination_workload = 257;
  event.service = 1;
  event.pid = 4711;
  event.sent_bytes = 100;
  event.received_bytes = 2000;
  event.sent_packets = 5;
  event.received_packets = 7;
  event.retransmits = 1;
  event.rtt_us = 250;
  event.duration_ns = 1'500'000;
  std::memcpy(event.command, "curl", 4);
  return event;
}

// The default denial of shop/web towards shop/cart.
inline weft_flow_event denied_event() {
  weft_flow_event event{};
  event.time_ns = 5'000'000'000;
  event.source = address("10.1.0.5");
  event.destination = address("10.1.0.2");
  event.source_port = htons(40000);
  event.destination_port = htons(8080);
  event.kind = WEFT_FLOW_DENY;
  event.protocol = IPPROTO_TCP;
  event.reporter = WEFT_REPORTER_DESTINATION;
  event.reason = WEFT_REASON_DEFAULT_DENY;
  event.direction = WEFT_INGRESS;
  event.source_workload = 256;
  event.destination_workload = 257;
  event.rule = 11;
  return event;
}

inline std::span<const std::byte> bytes_of(const weft_flow_event& event) { return std::as_bytes(std::span(&event, 1)); }

inline weft_edge_key edge_key(std::uint32_t source, std::uint32_t destination, std::uint32_t service = 1,
                              std::uint16_t port = 80, std::uint8_t protocol = IPPROTO_TCP) {
  weft_edge_key key{};
  key.source = source;
  key.destination = destination;
  key.service = service;
  key.port = htons(port);
  key.protocol = protocol;
  return key;
}

// An edge with `opened` connections, all of them closed in order.
inline EdgeSample edge_sample(const weft_edge_key& key, std::uint64_t opened, std::uint64_t last_ns = 1) {
  EdgeSample sample;
  sample.key = key;
  sample.value.opened = opened;
  sample.value.closed[WEFT_CLOSE_FIN] = opened;
  sample.value.sent_bytes = opened * 100;
  sample.value.received_bytes = opened * 1000;
  sample.value.last_ns = last_ns;
  return sample;
}

}  // namespace weft::test
