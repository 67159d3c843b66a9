#include "agent/model/fold.hpp"

#include <catch2/catch.hpp>

#include "test/model/objects.hpp"

using namespace weft;
using namespace weft::test;

namespace {

const std::string kPort80 = "{clusterIP: 10.96.0.1, ports: [{port: 80}]}";
const std::string kPort81 = "{clusterIP: 10.96.0.1, ports: [{port: 81}]}";
const std::string kWebSelector = "{clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80}]}";

std::uint16_t port_of(const Manifests& m, const std::string& name) {
  return get_service(m.now(), name).ports.at(0).port;
}

std::set<NamespacedName> named(std::initializer_list<std::string> names) {
  std::set<NamespacedName> out;
  for (const auto& name : names) out.emplace("shop", name);
  return out;
}

}  // namespace

TEST_CASE("the first snapshot changes everything and later ones only what changed") {
  Manifests m;
  CHECK(m.put("a.yaml", service("web", kPort80)).changes.everything);
  auto changed = m.put("b.yaml", service("api", kPort80)).changes;
  CHECK_FALSE(changed.everything);
  CHECK_FALSE(changed.owners);
  CHECK(changed.services == named({"api"}));
}

TEST_CASE("the same text again changes nothing and keeps the revision") {
  Manifests m;
  auto first = m.put("a.yaml", service("web", kPort80));
  auto again = m.put("a.yaml", service("web", kPort80));
  CHECK(again.snapshot == first.snapshot);
  CHECK(again.changes.services.empty());
  CHECK(m.put("a.yaml", "# a comment\n" + service("web", kPort80)).changes.services.empty());
}

TEST_CASE("an object that leaves its file is gone") {
  Manifests m;
  m.put("a.yaml", service("web", kPort80) + service("api", kPort80));
  auto folded = m.put("a.yaml", service("api", kPort80));
  CHECK(m.now().services.find({"shop", "web"}) == nullptr);
  CHECK(m.now().services.size() == 1);
  CHECK(folded.changes.services == named({"web"}));
  m.remove("a.yaml");
  CHECK(m.now().services.size() == 0);
}

TEST_CASE("the file that comes first by path keeps a contested object and the other one is told") {
  Manifests m;
  m.put("b.yaml", service("web", kPort81));
  m.put("a.yaml", service("web", kPort80));
  CHECK(port_of(m, "web") == 80);
  REQUIRE(m.said_of("b.yaml").size() == 1);
  auto told = m.said_of("b.yaml").front();
  CHECK(told.code == "WEFT1115");
  CHECK(told.origin == "b.yaml:2");
  CHECK(told.reason.find("a.yaml:2") != std::string::npos);
  CHECK(m.said_of("a.yaml").empty());

  auto folded = m.remove("a.yaml");
  CHECK(port_of(m, "web") == 81);
  CHECK(folded.changes.services == named({"web"}));
  CHECK(m.said_of("b.yaml").empty());
}

TEST_CASE("a contested object that is equal in both files does not change when its holder goes") {
  Manifests m;
  m.put("a.yaml", service("web", kWebSelector));
  m.put("b.yaml", service("web", kWebSelector));
  CHECK(m.remove("a.yaml").changes.services.empty());
  CHECK(m.put("p.yaml", pod("web-1", "{app: web}", ready("10.0.0.1"))).changes.services == named({"web"}));
  m.remove("b.yaml");
  CHECK(m.now().services.size() == 0);
  CHECK(m.put("p.yaml", pod("web-1", "{app: web}", ready("10.0.0.2"))).changes.services.empty());
}

TEST_CASE("three files contend and each heir follows in the order of paths") {
  Manifests m;
  m.put("c.yaml", service("web", "{ports: [{port: 3}]}"));
  m.put("b.yaml", service("web", "{ports: [{port: 2}]}"));
  m.put("a.yaml", service("web", "{ports: [{port: 1}]}"));
  CHECK(port_of(m, "web") == 1);
  CHECK(m.said_of("c.yaml").at(0).reason.find("a.yaml") != std::string::npos);
  m.remove("a.yaml");
  CHECK(port_of(m, "web") == 2);
  CHECK(m.said_of("c.yaml").at(0).reason.find("b.yaml") != std::string::npos);
  m.put("c.yaml", service("web", "{ports: [{port: 4}]}"));
  CHECK(port_of(m, "web") == 2);
  m.remove("b.yaml");
  CHECK(port_of(m, "web") == 4);
  m.remove("c.yaml");
  CHECK(m.now().services.size() == 0);
  CHECK(m.now().diagnostics.size() == 0);
}

TEST_CASE("a file with broken syntax keeps all its last good objects") {
  Manifests m;
  m.put("a.yaml", service("web", kPort80) + service("api", kPort80));
  m.put("a.yaml", service("web", kPort81) + "}{");
  CHECK(port_of(m, "web") == 80);
  CHECK(port_of(m, "api") == 80);
  CHECK(m.said_of("a.yaml").at(0).code == "WEFT1002");
  m.put("a.yaml", service("web", kPort81));
  CHECK(port_of(m, "web") == 81);
  CHECK(m.now().services.find({"shop", "api"}) == nullptr);
  CHECK(m.said_of("a.yaml").empty());
}

TEST_CASE("a bad object in a good file keeps its last good version while the others change") {
  Manifests m;
  m.put("a.yaml", service("web", kPort80) + service("api", kPort80));
  m.put("a.yaml", service("web", "{clusterIP: 127.0.0.1, ports: [{port: 81}]}") + service("api", kPort81) +
                      service("new", "{ports: [{port: 0}]}"));
  CHECK(port_of(m, "web") == 80);
  CHECK(port_of(m, "api") == 81);
  CHECK(m.now().services.find({"shop", "new"}) == nullptr);
  CHECK(m.said_of("a.yaml").size() == 2);
  m.put("a.yaml", service("api", kPort81));
  CHECK(m.now().services.find({"shop", "web"}) == nullptr);
}

TEST_CASE("a document without a readable name protects what is missing from its file") {
  Manifests m;
  m.put("a.yaml", service("web", kPort80));
  m.put("a.yaml", service("Web!", kPort80));
  CHECK(port_of(m, "web") == 80);
  m.put("a.yaml", "# empty\n");
  CHECK(m.now().services.size() == 0);
}

TEST_CASE("an ExternalName service is refused and still seen") {
  Manifests m;
  m.put("a.yaml", service("db", "{type: ExternalName, externalName: db.example.com}"));
  CHECK(get_service(m.now(), "db").external_name == "db.example.com");
  CHECK(m.said_of("a.yaml").at(0).code == "WEFT1114");
  CHECK(m.said_of("a.yaml").at(0).object == ObjectKey{ObjectKind::kService, "shop", "db"});
}

TEST_CASE("each object names the source and place that hold it, and each source counts its own findings") {
  Manifests m;
  m.put("b.yaml", "\n---\n" + service("web", kPort80));
  ObjectKey web{ObjectKind::kService, "shop", "web"};
  REQUIRE(m.fold().find_place(web));
  CHECK(m.fold().find_place(web)->source == "files");
  CHECK(m.fold().find_place(web)->origin.starts_with("b.yaml:"));
  CHECK(m.fold().count_diagnostics("files") == 0);
  m.put("a.yaml", service("web", kPort81));
  CHECK(m.fold().find_place(web)->origin.starts_with("a.yaml:"));
  CHECK(m.fold().count_diagnostics("files") == 1);  // b.yaml is told that it lost
  m.fold().apply(std::vector<Event>{{OriginDiagnosed{"other", "stream", {Diagnostic{}, Diagnostic{}}}}});
  CHECK(m.fold().count_diagnostics("files") == 1);
  CHECK(m.fold().count_diagnostics("other") == 2);
  CHECK_FALSE(m.fold().find_place({ObjectKind::kService, "shop", "api"}));
}

TEST_CASE("a source that starts over loses what it does not say again") {
  Fold fold;
  fold.expect_source("kubernetes");
  CHECK_FALSE(fold.snapshot()->all_synced());
  auto objects = decode_manifest("a.yaml", service("web", kPort80) + service("api", kPort80)).objects;
  std::vector<Event> events{{ObjectChanged{"kubernetes", "", objects[0].object}},
                            {ObjectChanged{"kubernetes", "", objects[1].object}},
                            {OriginDiagnosed{"kubernetes", "stream", {Diagnostic{}}}},
                            {SourceSynced{"kubernetes"}}};
  fold.apply(events);
  CHECK(fold.snapshot()->all_synced());
  CHECK(fold.snapshot()->sources.at("kubernetes").objects == 2);

  fold.apply(std::vector<Event>{{SourceReset{"kubernetes"}}, {ObjectChanged{"kubernetes", "", objects[0].object}}});
  CHECK(fold.snapshot()->services.size() == 2);
  CHECK(fold.snapshot()->all_synced());
  auto folded = fold.apply(std::vector<Event>{{SourceSynced{"kubernetes"}}});
  CHECK(fold.snapshot()->services.size() == 1);
  CHECK(folded.changes.services == named({"api"}));
  CHECK(fold.snapshot()->diagnostics.size() == 0);
  CHECK(fold.snapshot()->sources.at("kubernetes").objects == 1);
}

TEST_CASE("all expected sources must sync") {
  Fold fold;
  fold.expect_source("files");
  fold.expect_source("kubernetes");
  fold.apply(std::vector<Event>{{SourceSynced{"files"}}});
  CHECK_FALSE(fold.snapshot()->all_synced());
  fold.apply(std::vector<Event>{{SourceSynced{"kubernetes"}}});
  CHECK(fold.snapshot()->all_synced());
}

TEST_CASE("a pod concerns the services that select it now or did before") {
  Manifests m;
  m.put("s.yaml", service("web", kWebSelector) + service("api", "{selector: {app: api}, ports: [{port: 80}]}") +
                      service("both", "{selector: {tier: front}, ports: [{port: 80}]}") + service("none", kPort80));
  auto changes = m.put("p.yaml", pod("p1", "{app: web, tier: front}", ready("10.0.0.1"))).changes;
  CHECK(changes.services == named({"web", "both"}));
  CHECK(changes.owners);
  changes = m.put("p.yaml", pod("p1", "{app: api, tier: front}", ready("10.0.0.1"))).changes;
  CHECK(changes.services == named({"web", "api", "both"}));
  changes = m.put("p.yaml", pod("p1", "{app: api, tier: front}", "{phase: Running, podIP: 10.0.0.1, conditions: []}"))
                .changes;
  CHECK(changes.services == named({"api", "both"}));
  CHECK_FALSE(changes.owners);
  CHECK(m.remove("p.yaml").changes.services == named({"api", "both"}));
  CHECK(m.now().members_by_service.size() == 0);
}

TEST_CASE("a pod does not concern a selecting service that has slices") {
  Manifests m;
  m.put("s.yaml", service("web", kWebSelector) + slice("web-1", "web", "[{addresses: [10.0.0.1]}]"));
  CHECK(m.put("p.yaml", pod("p1", "{app: web}", ready("10.0.0.1"))).changes.services.empty());
  auto changes = m.put("s.yaml", service("web", kWebSelector)).changes;
  CHECK(changes.services == named({"web"}));
  CHECK(m.now().members_by_service.find({"shop", "web"})->pods.size() == 1);
}

TEST_CASE("a pod that a slice names concerns the service when its owner changes") {
  Manifests m;
  m.put("s.yaml",
        service("web", kPort80) + slice("web-1", "web", "[{addresses: [10.0.0.1], targetRef: {kind: Pod, name: p1}}]"));
  CHECK(m.put("p.yaml", pod("p1", "{}", ready("10.0.0.1"))).changes.services == named({"web"}));
  CHECK(m.put("p.yaml", pod("p1", "{a: b}", ready("10.0.0.1"))).changes.services.empty());
  CHECK(m.remove("p.yaml").changes.services == named({"web"}));
  m.put("s.yaml", service("web", kPort80));
  CHECK(m.put("p.yaml", pod("p1", "{}", ready("10.0.0.1"))).changes.services.empty());
}

TEST_CASE("a slice that moves to another service changes both") {
  Manifests m;
  m.put("s.yaml", service("web", kPort80) + service("api", kPort80));
  m.put("e.yaml", slice("x", "web", "[{addresses: [10.0.0.1]}]"));
  CHECK(m.put("e.yaml", slice("x", "api", "[{addresses: [10.0.0.1]}]")).changes.services == named({"web", "api"}));
  CHECK(m.now().slices_by_service.size() == 1);
  CHECK(m.remove("e.yaml").changes.services == named({"api"}));
  CHECK(m.now().slices_by_service.size() == 0);
}

TEST_CASE("a node changes everything") {
  Manifests m;
  m.put("s.yaml", service("web", kPort80));
  auto changes = m.put("n.yaml", node("n1", "192.0.2.1", "z1")).changes;
  CHECK(changes.everything);
  CHECK(m.put("n.yaml", node("n1", "192.0.2.1", "z1")).changes.everything == false);
}

TEST_CASE("many new selectors find the same members as few") {
  Manifests few, many;
  std::string pods, services;
  for (int i = 0; i < 40; ++i) {
    auto n = std::to_string(i);
    pods += pod("p" + n, "{part-of: shop, app: a" + n + "}", ready("10.0.0." + std::to_string(i + 1)));
    auto one = service("s" + n, "{selector: {part-of: shop, app: a" + n + "}, ports: [{port: 80}]}");
    services += one;
    if (i == 0) few.put("p.yaml", pods);
  }
  many.put("p.yaml", pods);
  many.put("s.yaml", services);
  few.put("p.yaml", pods);
  for (int i = 0; i < 40; ++i) {
    auto n = std::to_string(i);
    few.put("s" + n + ".yaml", service("s" + n, "{selector: {part-of: shop, app: a" + n + "}, ports: [{port: 80}]}"));
    for (auto* m : {&few, &many}) {
      const auto* members = m->now().members_by_service.find({"shop", "s" + n});
      REQUIRE(members != nullptr);
      REQUIRE(members->pods.size() == 1);
      CHECK(members->pods[0]->metadata.name == "p" + n);
    }
  }
}

TEST_CASE("old snapshots do not change") {
  Manifests m;
  auto before = m.put("a.yaml", service("web", kPort80)).snapshot;
  m.put("a.yaml", service("web", kPort81));
  m.remove("a.yaml");
  CHECK(get_service(*before, "web").ports[0].port == 80);
  CHECK(before->services.size() == 1);
}
