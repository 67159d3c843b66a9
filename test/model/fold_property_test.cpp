// Whatever order files change in, the fold ends where a fold from scratch would, and says of every change whom it
// concerns.
#include <catch2/catch.hpp>
#include <random>

#include "agent/model/endpoints.hpp"
#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : engine_(seed) {}
  unsigned below(unsigned n) { return std::uniform_int_distribution<unsigned>(0, n - 1)(engine_); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(static_cast<unsigned>(from.size()))];
  }

 private:
  std::mt19937 engine_;
};

std::string n(unsigned value) { return std::to_string(value); }

// Small ranges, so that files contend, selectors match and everything is hit again and again.
std::string random_document(Dice& dice) {
  auto address = "10.0.0." + n(1 + dice.below(5));
  auto labels = "{app: a" + n(dice.below(3)) + ", tier: t" + n(dice.below(2)) + "}";
  switch (dice.below(8)) {
    case 0:
    case 1:
      return service("s" + n(dice.below(4)),
                     "{selector: {app: a" + n(dice.below(3)) + "}, ports: [{port: " + n(1 + dice.below(2)) + "}]}");
    case 2:
      return service("s" + n(dice.below(4)),
                     "{selector: {app: a" + n(dice.below(3)) + ", tier: t1}, ports: [{port: 7}]}");
    case 3:
      return service("s" + n(dice.below(4)), "{ports: [{name: http, port: 80}]}");
    case 4:
      return pod("p" + n(dice.below(4)), labels,
                 dice.below(3) == 0 ? "{phase: Running, podIP: " + address + ", conditions: []}" : ready(address));
    case 5:
      return slice("e" + n(dice.below(4)), "s" + n(dice.below(4)),
                   "[{addresses: [" + address + "], targetRef: {kind: Pod, name: p" + n(dice.below(4)) + "}}]");
    case 6:
      return workload("w" + n(dice.below(2)), labels, "{addresses: [" + address + "]}");
    default:
      return node("n1", "192.0.2." + n(1 + dice.below(2)), "z" + n(dice.below(2)));
  }
}

std::string random_file(Dice& dice) {
  std::string text;
  for (unsigned i = dice.below(5); i > 0; --i) text += random_document(dice);
  return text;
}

// Everything a reader can see of a snapshot, as text.
std::string picture(const Snapshot& s) {
  std::set<std::string> lines;
  s.services.for_each([&](const auto& name, const auto& service) {
    for (const auto& port : service->ports) {
      auto line = "service " + name.second + " " + n(port.port);
      for (const auto& e : service_endpoints(s, *service, port, "n1"))
        line +=
            " " + SocketAddress{e.address, e.port}.text() + (e.ready ? "+" : "-") + e.workload.second + "@" + e.zone;
      lines.insert(line);
    }
  });
  s.pods.for_each(
      [&](const auto& name, const auto& p) { lines.insert("pod " + name.second + p->addresses[0].text()); });
  s.slices.for_each([&](const auto& name, const auto& e) { lines.insert("slice " + name.second + " " + e->service); });
  s.workloads.for_each(
      [&](const auto& name, const auto& w) { lines.insert("workload " + name.second + w->addresses[0].text()); });
  s.nodes.for_each([&](const auto& name, const auto& o) { lines.insert("node " + name.second + o->zone); });
  s.diagnostics.for_each([&](const auto& path, const auto& said) {
    for (const auto& d : said) lines.insert("said " + path.second + " " + d.code + d.reason + d.origin);
  });
  std::string out;
  for (const auto& line : lines) out += line + "\n";
  return out;
}

std::string service_picture(const Snapshot& s, const NamespacedName& name) {
  const auto* service = s.services.find(name);
  if (service == nullptr) return "absent";
  std::string out;
  for (const auto& port : (*service)->ports) {
    out += n(port.port) + (*service)->metadata.space;
    for (const auto& e : service_endpoints(s, **service, port, "n1"))
      out += " " + SocketAddress{e.address, e.port}.text() + (e.ready ? "+" : "-") + e.workload.second + "@" + e.zone;
  }
  return out;
}

}  // namespace

TEST_CASE("folding changes one by one ends where folding from scratch ends") {
  auto seed = std::random_device{}();
  CAPTURE(seed);
  Dice dice(seed);
  const std::vector<std::string> paths{"a.yaml", "b.yaml", "c.yaml", "d/e.yaml"};
  for (int round = 0; round < 40; ++round) {
    Manifests live;
    std::map<std::string, std::string> files;
    auto before = live.fold().snapshot();
    for (int step = 0; step < 30; ++step) {
      auto path = dice.pick(paths);
      Folded folded;
      if (dice.below(5) == 0) {
        files.erase(path);
        folded = live.remove(path);
      } else {
        files[path] = random_file(dice);
        folded = live.put(path, files[path]);
      }
      if (!folded.changes.everything)
        for (unsigned i = 0; i < 4; ++i) {
          NamespacedName name{"shop", "s" + n(i)};
          if (folded.changes.services.contains(name)) continue;
          REQUIRE(service_picture(*before, name) == service_picture(live.now(), name));
        }
      before = folded.snapshot;
      // A file with an object twice keeps by design what it said before; from scratch cannot know that.
      bool clean = std::ranges::all_of(
          files, [](const auto& f) { return decode_manifest(f.first, f.second).diagnostics.empty(); });
      if (!clean) break;
      Manifests scratch;
      for (const auto& [p, text] : files) scratch.put(p, text);
      REQUIRE(picture(live.now()) == picture(scratch.now()));
      for (const auto& p : paths) REQUIRE(live.said_of(p) == scratch.said_of(p));
    }
  }
}

TEST_CASE("a source that starts over ends where folding from scratch ends") {
  auto seed = std::random_device{}();
  CAPTURE(seed);
  Dice dice(seed);
  for (int round = 0; round < 40; ++round) {
    Fold live, scratch;
    std::vector<Event> last;
    for (int list = 0; list < 3; ++list) {
      last.clear();
      last.push_back({SourceReset{"kubernetes"}});
      for (unsigned i = dice.below(8); i > 0; --i)
        for (const auto& item : decode_manifest("a.yaml", random_document(dice)).objects)
          last.push_back({ObjectChanged{"kubernetes", "", item.object}});
      last.push_back({SourceSynced{"kubernetes"}});
      live.apply(last);
    }
    scratch.apply(last);
    REQUIRE(picture(*live.snapshot()) == picture(*scratch.snapshot()));
    REQUIRE(live.snapshot()->sources.at("kubernetes").objects == scratch.snapshot()->sources.at("kubernetes").objects);
  }
}
