#include <nlohmann/json.hpp>

#include "agent/api/metrics_server.hpp"
#include "agent/api/process_stats.hpp"
#include "test/api/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

std::unique_ptr<MetricsServer> started(HttpLimits limits = {}) {
  auto server = MetricsServer::start({"127.0.0.1:0", limits});
  INFO((server ? std::string() : server.error().what));
  REQUIRE(server);
  return std::move(*server);
}

std::shared_ptr<const PublicView> view_of(bool ready, std::size_t edges = 0) {
  auto page = std::make_shared<MetricsPage>();
  page->agent = std::make_shared<const AgentMetrics>("0.1.0");
  EdgeBook book({1'000'000, false});
  FakeNames names;
  std::vector<EdgeSample> samples;
  for (std::uint32_t i = 0; i < edges; ++i) {
    names.workloads[1000 + i] = {"load", "w" + std::to_string(i)};
    samples.push_back(edge_sample(edge_key(1000 + i, 257), i));
  }
  book.update(samples, names, 1);
  page->edges = book.view();
  auto view = std::make_shared<PublicView>();
  view->readiness = {ready, ready ? "" : "no sources"};
  view->metrics = page;
  view->published = std::chrono::steady_clock::now();
  return view;
}

}  // namespace

TEST_CASE("a scrape before the counters were read is told to come again") {
  auto server = started();
  auto early = std::make_shared<PublicView>();
  early->readiness = {true, ""};
  early->published = std::chrono::steady_clock::now();
  server->publish(early);
  CHECK(Client(server->port()).get("/metrics").status == 503);
  CHECK(Client(server->port()).get("/readyz").status == 200);
}

TEST_CASE("on TCP there are metrics, liveness and readiness, and nothing else") {
  auto server = started();
  CHECK(Client(server->port()).get("/readyz").status == 503);
  server->publish(view_of(true));
  auto metrics = Client(server->port()).get("/metrics");
  CHECK(metrics.status == 200);
  CHECK(metrics.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
  CHECK(metrics.body.find("weft_build_info{version=\"0.1.0\"} 1\n") != std::string::npos);
  CHECK(Client(server->port()).get("/livez").status == 200);
  CHECK(Client(server->port()).get("/readyz").status == 200);
  for (auto path : {"/api/v1/status", "/api/v1/flows?follow=1", "/", "/metrics/"})
    CHECK(Client(server->port()).get(path).status == 404);
  CHECK(Client(server->port()).request("POST", "/metrics").status == 405);
  CHECK(Client(server->port()).request("HEAD", "/metrics").status == 200);
  server->publish(view_of(false));
  CHECK(Client(server->port()).get("/readyz").body == "not ready: no sources\n");
}

TEST_CASE("liveness fails when the loop has not published for long") {
  auto server = started();
  auto old = std::make_shared<PublicView>(*view_of(true));
  old->published -= std::chrono::seconds(31);
  server->publish(old);
  CHECK(Client(server->port()).get("/livez").status == 503);
}

TEST_CASE("a large page arrives whole, on one connection again and again") {
  auto server = started();
  auto view = view_of(true, 5000);
  server->publish(view);
  auto whole = render_metrics(view->metrics);
  Client client(server->port());
  for (int i = 0; i < 3; ++i) CHECK(client.get("/metrics").body == whole);
}

TEST_CASE("pages are replaced while they are read") {
  auto server = started();
  server->publish(view_of(true, 2000));
  std::atomic<bool> stop = false;
  std::thread publisher([&] {
    for (std::size_t i = 0; !stop; ++i) server->publish(view_of(true, 100 + i % 50));
  });
  for (int i = 0; i < 30; ++i) {
    auto answer = Client(server->port()).get("/metrics");
    CHECK(answer.status == 200);
    CHECK(answer.body.ends_with("\n"));
  }
  stop = true;
  publisher.join();
}

TEST_CASE("slow and silent scrapers are bounded and hold up no other") {
  HttpLimits limits;
  limits.max_connections = 4;
  limits.request_timeout_ms = 400;
  limits.write_timeout_ms = 200;
  limits.linger_ms = 50;
  auto server = started(limits);
  server->publish(view_of(true, 20000));
  std::vector<std::unique_ptr<Client>> silent;
  for (int i = 0; i < 3; ++i) silent.push_back(std::make_unique<Client>(server->port()));
  silent[0]->send("GET /metrics HTTP/1.1\r\n\r\n");
  CHECK(Client(server->port()).get("/livez").status == 200);
  silent.push_back(std::make_unique<Client>(server->port()));
  CHECK(silent[1]->closed_by_peer());
  CHECK(silent[2]->closed_by_peer());
  CHECK(Client(server->port()).get("/livez").status == 200);
}

TEST_CASE("an address that cannot be listened on is an error that names it") {
  auto first = started();
  auto again = MetricsServer::start({"127.0.0.1:" + std::to_string(first->port()), {}});
  REQUIRE_FALSE(again);
  CHECK(again.error().code == EADDRINUSE);
  CHECK_FALSE(MetricsServer::start({"nonsense", {}}));
}

TEST_CASE("the process knows its own memory, descriptors and start") {
  auto stats = read_process_stats();
  CHECK(stats.resident_bytes > 1'000'000);
  CHECK(stats.virtual_bytes > stats.resident_bytes);
  CHECK(stats.open_fds >= 3);
  CHECK(stats.max_fds >= stats.open_fds);
  CHECK(stats.threads >= 1);
  CHECK(stats.start_time_s > 1'600'000'000);
  auto odd = parse_process_stat("7 (a) b (c) S 1 1 1 0 -1 4194304 1 2 3 4 150 50 7 8 20 0 3 0 900 4096 25 1", 100);
  REQUIRE(odd);
  CHECK(odd->cpu_s == Approx(2.0));
  CHECK(odd->threads == 3);
  CHECK(odd->started_after_boot_s == Approx(9));
  CHECK(odd->virtual_bytes == 4096);
  CHECK(odd->resident_pages == 25);
  CHECK_FALSE(parse_process_stat("7 (a", 100));
}
