// Manifests in, desired tables out, and those as text.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/compile/abi.hpp"
#include "agent/compile/compiler.hpp"
#include "agent/model/decode.hpp"
#include "agent/model/fold.hpp"

namespace weft::test {

inline IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

// One node with its sources: says manifests, compiles after each.
class Mesh {
 public:
  NodeFacts facts{"node-a", "", "", {ip("127.0.0.1"), ip("192.168.0.1"), ip("fe80::1"), ip("fd00::a")}};
  CompileResult result;

  explicit Mesh(std::string_view yaml = "", Names names = {}) : compiler_(std::move(names)) {
    if (!yaml.empty()) put(yaml);
  }

  void put(std::string_view yaml) {
    auto decoded = decode_manifest("in.yaml", yaml);
    for (const auto& d : decoded.diagnostics) decode_diagnostics.push_back(d);
    std::vector<Event> events;
    for (auto& item : decoded.objects) {
      keys_[object_key(item.object).text()] = {object_key(item.object), item.origin};
      events.push_back({ObjectChanged{"files", item.origin, item.object}, {}});
    }
    apply(events);
  }
  void remove(const std::string& key_text) {
    const auto& [key, origin] = keys_.at(key_text);
    apply({{ObjectRemoved{"files", origin, key}, {}}});
  }
  void recompile_all() {
    ChangeSet changes;
    changes.everything = changes.owners = true;
    result = compiler_.compile(fold_.snapshot(), changes, facts);
  }

  const Compiled& compiled() const { return *result.compiled; }
  const CompiledService& service(const std::string& space, const std::string& name) const {
    const auto* found = compiled().services.find({space, name});
    if (!found) throw std::runtime_error("no service " + space + "/" + name);
    return **found;
  }

  std::vector<Diagnostic> decode_diagnostics;

 private:
  void apply(std::vector<Event> events) {
    auto folded = fold_.apply(events);
    result = compiler_.compile(folded.snapshot, folded.changes, facts);
  }

  Fold fold_;
  Compiler compiler_;
  std::map<std::string, std::pair<ObjectKey, std::string>> keys_;
};

class Renderer {
 public:
  explicit Renderer(const Compiled& compiled) : compiled_(compiled) {}

  std::string endpoint(const weft_endpoint& row) const {
    SocketAddress at{from_abi(row.address), Be16{row.port}.host()};
    return fmt::format("{} zone={} workload={}", at.text(), zone(row.zone), workload(row.workload));
  }
  static std::string frontend(const weft_service_key& key) {
    SocketAddress at{from_abi(key.address), Be16{key.port}.host()};
    return fmt::format("{}/{}", at.text(), protocol_name(static_cast<Protocol>(key.protocol)));
  }
  std::string service(const NamespacedName& name, const CompiledService& service) const {
    auto out = fmt::format("service {}/{}", name.first, name.second);
    if (service.flags & WEFT_SERVICE_AFFINITY) out += fmt::format(" affinity={}s", service.affinity_timeout_s);
    out += "\n";
    std::map<std::string, std::string> by_address;
    for (const auto& f : service.frontends) by_address[frontend(f.key)] = set(f.set, service);
    for (const auto& [address, text] : by_address) out += fmt::format("  {} {}\n", address, text);
    for (std::size_t i = 0; i < service.sets.size(); ++i) {
      out += fmt::format("  set {}\n", i);
      for (const auto& row : service.sets[i].endpoints) out += "    " + endpoint(row) + "\n";
    }
    for (const auto& d : service.diagnostics)
      out += fmt::format("  {} {} {}: {}\n", d.code, d.object.text(), d.field, d.reason);
    return out;
  }
  std::string owner(const OwnerRow& row) const {
    SocketAddress at{from_abi(row.first.address), Be16{row.first.port}.host()};
    auto address = row.first.port == 0
                       ? at.address.text()
                       : fmt::format("{}/{}", at.text(), protocol_name(static_cast<Protocol>(row.first.protocol)));
    return fmt::format("{} zone={} workload={}", address, zone(row.second.zone), workload(row.second.workload));
  }
  std::string all() const {
    std::map<NamespacedName, std::string> services;
    compiled_.services.for_each([&](const NamespacedName& name, const auto& s) { services[name] = service(name, *s); });
    std::string out;
    for (const auto& [name, text] : services) out += text;
    std::vector<std::string> owners;
    for (const auto& row : *compiled_.owners) owners.push_back(owner(row));
    std::sort(owners.begin(), owners.end());
    out += "owners\n";
    for (const auto& text : owners) out += "  " + text + "\n";
    out += "processes\n";
    for (const auto& p : compiled_.processes)
      out += fmt::format("  unit={} cgroup={} uid={} workload={}\n", p.process.systemd_unit, p.process.cgroup,
                         p.process.uid ? std::to_string(*p.process.uid) : "", workload(p.workload));
    return out + "node zone=" + zone(compiled_.settings.node_zone) + "\n";
  }

 private:
  static std::string set(std::uint16_t index, const CompiledService& service) {
    return fmt::format("→ set {}{}", index, service.sets[index].endpoints.empty() ? ", refused" : "");
  }
  std::string zone(std::uint16_t id) const {
    auto it = compiled_.names->zones.find(id);
    return it == compiled_.names->zones.end() ? "-" : it->second;
  }
  std::string workload(std::uint32_t id) const {
    if (id == WEFT_IDENTITY_WORLD) return "WORLD";
    if (id == WEFT_IDENTITY_HOST) return "HOST";
    auto it = compiled_.names->workloads.find(id);
    return it == compiled_.names->workloads.end() ? "UNKNOWN" : it->second.first + "/" + it->second.second;
  }
  const Compiled& compiled_;
};

}  // namespace weft::test
