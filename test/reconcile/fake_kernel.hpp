// The agent's maps in memory: takes steps, gives dumps, and tells what a program that reads them would find.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/address.hpp"
#include "agent/reconcile/ledger.hpp"

namespace weft::test {

inline weft_address abi_address(std::uint32_t host_order) {
  auto ip = IpAddress::v4(host_order);
  weft_address out;
  std::memcpy(&out, ip.bytes.data(), sizeof(out));
  return out;
}

inline weft_service_key frontend_key(std::uint32_t ip, std::uint16_t port = 80) {
  return {abi_address(ip), Be16::from_host(port).raw, 6, 0};
}

inline weft_endpoint endpoint_row(std::uint32_t ip, std::uint32_t workload = 256, std::uint16_t zone = 1) {
  weft_endpoint row{};
  row.address = abi_address(ip);
  row.port = Be16::from_host(8080).raw;
  row.protocol = 6;
  row.zone = zone;
  row.workload = workload;
  return row;
}

// A service with one set of endpoints per inner list; frontend i is at `address + i` and has the set `frontends[i]`.
struct ServiceSpec {
  std::uint32_t service = 0;
  std::vector<std::vector<weft_endpoint>> sets;
  std::vector<std::pair<weft_service_key, std::uint16_t>> frontends;
  std::uint16_t flags = 0;
  std::uint32_t affinity_timeout_s = 0;

  DesiredService desired() const {
    DesiredService out;
    out.service = service;
    out.flags = flags;
    out.affinity_timeout_s = affinity_timeout_s;
    for (const auto& set : sets) out.sets.emplace_back(set);
    for (const auto& [key, set] : frontends) out.frontends.push_back({key, set});
    return out;
  }
};

inline ServiceSpec simple_service(std::uint32_t service, std::uint32_t ip, std::vector<std::uint32_t> endpoint_ips) {
  ServiceSpec spec{service, {{}}, {{frontend_key(ip), 0}}, 0, 0};
  for (auto endpoint : endpoint_ips) spec.sets[0].push_back(endpoint_row(endpoint));
  return spec;
}

// What a frontend leads to: the rows of its slots. Nothing when the frontend does not exist.
struct Answer {
  weft_service row{};
  std::vector<weft_endpoint> endpoints;
  bool is_broken = false;  // a slot or an endpoint is missing
};

class FakeKernel {
 public:
  Tables tables;

  void take(const Step& step) {
    std::visit([this](const auto& s) { apply(s); }, step);
  }
  void take(const Plan& plan, std::size_t done) {
    for (std::size_t i = 0; i < done; ++i) take(plan.steps[i]);
  }

  std::optional<Answer> ask(const weft_service_key& key) const {
    auto it = tables.services.find(key);
    if (it == tables.services.end()) return std::nullopt;
    Answer answer{it->second, {}, false};
    for (std::uint32_t i = 0; i < it->second.slot_count; ++i) {
      auto slot = tables.slots.find(it->second.first_slot + i);
      auto endpoint = slot == tables.slots.end() ? tables.endpoints.end() : tables.endpoints.find(slot->second);
      if (endpoint == tables.endpoints.end())
        answer.is_broken = true;
      else
        answer.endpoints.push_back(endpoint->second);
    }
    return answer;
  }
  bool is_consistent() const {
    return std::all_of(tables.services.begin(), tables.services.end(),
                       [this](const auto& entry) { return !ask(entry.first)->is_broken; });
  }

 private:
  void apply(const PutEndpoint& s) { tables.endpoints.insert_or_assign(s.id, s.row); }
  void apply(const PutSlots& s) {
    for (std::uint32_t i = 0; i < s.endpoints.size(); ++i) tables.slots.insert_or_assign(s.first + i, s.endpoints[i]);
  }
  void apply(const PutService& s) { tables.services.insert_or_assign(s.key, s.row); }
  void apply(const RemoveService& s) { tables.services.erase(s.key); }
  void apply(const ClearEndpoint& s) { tables.endpoints.erase(s.id); }
  void apply(const PutOwner& s) { tables.owners.insert_or_assign(s.key, s.row); }
  void apply(const RemoveOwner& s) { tables.owners.erase(s.key); }
  void apply(const PutProcess& s) { tables.processes.insert_or_assign(s.key, s.workload); }
  void apply(const RemoveProcess& s) { tables.processes.erase(s.key); }
  void apply(const PutSettings& s) { tables.settings = s.row; }
};

inline Ledger::Clock::time_point at_s(long seconds) {
  return Ledger::Clock::time_point{} + std::chrono::seconds(seconds);
}

inline bool same_endpoints(const std::vector<weft_endpoint>& a, const std::vector<weft_endpoint>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto& x, auto& y) { return same_bytes(x, y); });
}

inline bool same_places(const std::vector<weft_endpoint>& a, const std::vector<weft_endpoint>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](auto& x, auto& y) {
    return same_bytes(x.address, y.address) && x.port == y.port && x.protocol == y.protocol;
  });
}

}  // namespace weft::test
