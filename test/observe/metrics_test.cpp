#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "agent/observe/edge_labels.hpp"
#include "agent/observe/families.hpp"
#include "agent/observe/metrics_page.hpp"
#include "agent/observe/reference.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

// A page with every family on it, and names that a tenant may think of.
std::shared_ptr<const MetricsPage> full_page(std::size_t edges = 3) {
  auto page = std::make_shared<MetricsPage>();
  auto agent = std::make_shared<AgentMetrics>("0.1.0");
  KernelFeature features[] = {{"tcx", true, ""}, {"mptcp", false, "no"}};
  Attachment attachments[] = {{"connect4", "/", Attachment::State::kAttached, ""},
                              {"sockops", "/", Attachment::State::kMissing, ""}};
  MapUse maps[] = {{"weft_edges", 5, 100}};
  HelperErrors errors[] = {{WEFT_HELPER_EDGE_UPDATE, 12, 3}};
  std::array<std::uint64_t, WEFT_COUNTER_COUNT> counters{};
  for (std::size_t i = 0; i < counters.size(); ++i) counters[i] = i + 1;
  agent->set_features(features);
  agent->set_attachments(attachments);
  agent->set_maps(maps);
  agent->set_helper_errors(errors);
  agent->set_counters(counters);
  std::array<std::uint64_t, WEFT_DROP_COUNT> drops{};
  drops[WEFT_DROP_DENIED_INGRESS] = 5;
  agent->set_drops(drops);
  agent->set_process({1.5, 2, 3, 4, 5, 6, 7});
  agent->set_discovery_objects("files", "Service", 3);
  agent->set_last_sync("files", 1700000000);
  agent->observe_propagation(0.02);
  agent->count_reload(true);
  page->agent = agent;
  page->balancing = std::make_shared<const std::vector<BalancingRow>>(std::vector<BalancingRow>{
      {"shop/web", 2, 1, 1}, {escape_label("shop/\"\\\n\xff"), 1, 0, 0}, {"a/b", 4, 0, 0}, {"a/c", 8, 0, 2}});
  page->max_balancing_rows = 2;
  EdgeBook book({100000, true});
  FakeNames names;
  VerdictBook verdicts(100);
  names.rules[12] = {"NetworkPolicy", {"evil\"ns\\", "new\nline\xfe"}, "x", "NetworkPolicy"};
  std::vector<VerdictSample> decisions;
  for (std::uint32_t rule = 11; rule < 14; ++rule) {
    decisions.emplace_back();
    decisions.back().key.rule = rule;
    decisions.back().count.decisions = rule;
  }
  verdicts.update(decisions, names);
  page->verdicts = verdicts.view();
  names.workloads[300] = {"evil\"ns\\", "new\nline\xfe"};
  std::vector<EdgeSample> samples{edge_sample(edge_key(300, 257), 2)};
  for (std::uint32_t i = 0; i < edges; ++i) {
    names.workloads[1000 + i] = {"load", "w" + std::to_string(i)};
    samples.push_back(edge_sample(edge_key(1000 + i, 257), i));
  }
  auto& value = samples[0].value;
  for (auto& failed : value.failed) failed = 1;
  value.retransmits = value.inter_zone_bytes = 9;
  value.connect = {.sum_us = 1250, .bucket = {1, 2, 0, 0, 0, 0, 0, 0, 0, 4}};
  value.rtt = {.sum_us = 1, .bucket = {1}};
  value.duration = {.sum_us = 2'000'000, .bucket = {0, 0, 0, 1}};
  book.update(samples, names, 1);
  page->edges = book.view();
  return page;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string family_of(const std::string& line) {
  auto name = line.starts_with("# ") ? line.substr(7) : line;
  name = name.substr(0, name.find_first_of("{ "));
  for (const auto& family : kMetricFamilies)
    if (family.type == MetricType::kHistogram && name.starts_with(family.name) && name != family.name)
      return std::string(family.name);
  return name;
}

void check_document(const std::string& name, const std::string& text) {
  std::string path = std::string(WEFT_SOURCE_DIR) + "/docs/" + name;
  if (std::getenv("WEFT_ACCEPT") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::string written((std::istreambuf_iterator<char>(file)), {});
  INFO("run with WEFT_ACCEPT=1 to write " << path);
  CHECK(written == text);
}

}  // namespace

TEST_CASE("every family of the table is on the page exactly once and in one piece") {
  auto text = render_metrics(full_page());
  std::map<std::string, int> heads;
  std::set<std::string> ended;
  std::string current;
  for (const auto& line : lines_of(text)) {
    auto family = family_of(line);
    if (line.starts_with("# HELP ")) ++heads[family];
    if (family == current) continue;
    INFO(line);
    CHECK(line.starts_with("# HELP "));
    CHECK(ended.insert(current).second);
    current = family;
  }
  for (const auto& family : kMetricFamilies) {
    INFO(family.name);
    CHECK(heads[std::string(family.name)] == 1);
    CHECK(text.find("# TYPE " + std::string(family.name) + " " + std::string(metric_type_name(family.type)) + "\n") !=
          std::string::npos);
    CHECK((family.type == MetricType::kCounter) == family.name.ends_with("_total"));
  }
  CHECK(heads.size() == kMetricFamilies.size());
}

TEST_CASE("the labels of every line are those of the table") {
  std::map<std::string, std::set<std::string>> labels;
  for (const auto& line : lines_of(render_metrics(full_page()))) {
    if (line.starts_with('#')) continue;
    auto& names = labels[family_of(line)];
    for (std::size_t at = line.find('{'); at != std::string::npos && line[at] != '}';) {
      auto equals = line.find("=\"", at);
      auto name = line.substr(at + 1, equals - at - 1);
      if (name != "le") names.insert(name);
      at = equals + 2;
      while (line[at] != '"') at += line[at] == '\\' ? 2 : 1;
      ++at;
    }
  }
  for (const auto& family : kMetricFamilies) {
    std::string joined;
    std::set<std::string> wanted;
    std::istringstream in{std::string(family.labels)};
    for (std::string word; in >> word;) wanted.insert(word.substr(0, word.find(',')));
    INFO(family.name);
    CHECK(labels[std::string(family.name)] == wanted);
  }
}

TEST_CASE("histograms are cumulative, end in +Inf and tell seconds") {
  auto text = render_metrics(full_page());
  std::vector<std::string> found;
  for (const auto& line : lines_of(text))
    if (line.starts_with("weft_tcp_connect_duration_seconds_")) found.push_back(line.substr(line.find("web\"") + 4));
  CHECK(found == std::vector<std::string>{",le=\"0.00005\"} 1", ",le=\"0.0001\"} 3", ",le=\"0.00025\"} 3",
                                          ",le=\"0.001\"} 3", ",le=\"0.005\"} 3", ",le=\"0.025\"} 3", ",le=\"0.1\"} 3",
                                          ",le=\"0.5\"} 3", ",le=\"2.5\"} 3", ",le=\"+Inf\"} 7", "} 0.00125", "} 7"});
}

TEST_CASE("services beyond the bound share the row _other") {
  auto text = render_metrics(full_page());
  CHECK(text.find("weft_lb_endpoints{service=\"shop/web\",state=\"ready\"} 2\n") != std::string::npos);
  CHECK(text.find("weft_lb_endpoints{service=\"_other\",state=\"ready\"} 12\n") != std::string::npos);
  CHECK(text.find("weft_lb_endpoints{service=\"_other\",state=\"terminating\"} 2\n") != std::string::npos);
  CHECK(text.find("service=\"a/b\"") == std::string::npos);
}

TEST_CASE("verdicts of policy and drops are on the page, drops with every reason") {
  auto text = render_metrics(full_page());
  CHECK(text.find("weft_policy_verdicts_total{direction=\"ingress\",verdict=\"allowed\",policy=\"guard\","
                  "rule=\"no-batch\"} 13\n") != std::string::npos);
  CHECK(text.find("weft_drops_total{reason=\"denied_ingress\"} 5\n") != std::string::npos);
  CHECK(text.find("weft_drops_total{reason=\"land\"} 0\n") != std::string::npos);
}

TEST_CASE("a page is written in pieces of whole lines and bounded size") {
  auto page = full_page(2000);
  MetricsCursor cursor(page);
  std::string all, chunk;
  int pieces = 0;
  for (; cursor.next(chunk); ++pieces) {
    CHECK(chunk.size() < 2 * MetricsCursor::kChunkBytes);
    CHECK(chunk.back() == '\n');
    all += chunk;
    chunk.clear();
  }
  CHECK(pieces > 10);
  CHECK(all == render_metrics(page));
  CHECK_FALSE(cursor.next(chunk));
}

TEST_CASE("promtool accepts the page") {
  if (std::system("command -v promtool >/dev/null") != 0) {
    WARN("promtool is not installed");
    return;
  }
  auto* pipe = ::popen("promtool check metrics 2>&1", "w");
  REQUIRE(pipe != nullptr);
  auto text = render_metrics(full_page());
  CHECK(std::fwrite(text.data(), 1, text.size(), pipe) == text.size());
  CHECK(::pclose(pipe) == 0);
}

TEST_CASE("counters of the kernel never fall, and gauges of what is gone disappear") {
  AgentMetrics metrics("1");
  std::array<std::uint64_t, WEFT_COUNTER_COUNT> counters{};
  counters[WEFT_COUNT_EVENTS] = 10;
  metrics.set_counters(counters);
  counters[WEFT_COUNT_EVENTS] = 4;
  metrics.set_counters(counters);
  CHECK(metrics.text().find("weft_events_total 10\n") != std::string::npos);
  MapUse maps[] = {{"one", 1, 2}, {"two", 1, 2}};
  metrics.set_maps(maps);
  metrics.set_maps(std::span(maps).first(1));
  CHECK(metrics.text().find("weft_map_entries{map=\"one\"} 1\n") != std::string::npos);
  CHECK(metrics.text().find("map=\"two\"") == std::string::npos);
}

TEST_CASE("the reference pages in docs are those of the code") {
  check_document("metrics.md", metrics_reference_markdown());
  check_document("drops.md", drop_reference_markdown());
}
