#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "agent/observe/edges.hpp"
#include "agent/observe/metrics_page.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

FakeNames many_names(std::uint32_t count) {
  FakeNames names;
  for (std::uint32_t i = 0; i < count; ++i) names.workloads[1000 + i] = {"load", "w" + std::to_string(i)};
  return names;
}

// Sum of a slot over everything that the page would show.
std::uint64_t sum(const EdgeView& view, std::size_t slot) {
  std::uint64_t total = 0;
  for (const auto& series : view.edges)
    if (series.shown & (1u << slot)) total += series.values[slot];
  return total;
}

std::size_t count_series(const EdgeView& view) {
  std::size_t count = 0;
  for (const auto& series : view.edges) count += static_cast<std::size_t>(std::popcount(series.shown));
  for (const auto& pair : view.pairs)
    count += static_cast<std::size_t>(std::popcount(pair.shown)) * (WEFT_HISTOGRAM_BUCKETS + 2);
  return count;
}

const EdgeSeries* find_series(const EdgeView& view, std::string_view part) {
  for (const auto& series : view.edges)
    if (series.labels.find(part) != std::string::npos) return &series;
  return nullptr;
}

}  // namespace

TEST_CASE("the counters of all CPUs add up, histograms wrap like the kernel's") {
  weft_edge one{}, other{};
  one.opened = 3, other.opened = 4;
  one.failed[WEFT_FAIL_RESET] = 1, other.failed[WEFT_FAIL_RESET] = 2;
  one.inter_zone_bytes = 5, other.inter_zone_bytes = 6;
  one.last_ns = 9, other.last_ns = 8;
  one.rtt.bucket[2] = 0xffffffffu, other.rtt.bucket[2] = 3;
  weft_edge cpus[] = {one, other};
  auto sum_of = sum_cpus(cpus);
  CHECK(sum_of.opened == 7);
  CHECK(sum_of.failed[WEFT_FAIL_RESET] == 3);
  CHECK(sum_of.inter_zone_bytes == 11);
  CHECK(sum_of.last_ns == 9);
  CHECK(sum_of.rtt.bucket[2] == 2);
  HistogramTotals totals;
  totals.add_difference(sum_of.rtt, one.rtt);
  CHECK(totals.bucket[2] == 3);
}

TEST_CASE("an edge has the labels of its objects and keeps them when the names change") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 3)};
  book.update(samples, names, kSecond);
  names.workloads.clear();
  samples[0].value.opened = 5;
  book.update(samples, names, 2 * kSecond);
  auto view = book.view();
  REQUIRE(view->edges.size() == 1);
  CHECK(view->edges[0].labels ==
        R"({source_namespace="shop",source_workload="cart",destination_namespace="shop",destination_workload="web",)"
        R"(destination_service="shop/web",destination_port="80",protocol="TCP",reporter="source")");
  CHECK(view->edges[0].values[kSlotOpened] == 5);
  CHECK(view->edges[0].values[kSlotActive] == 2);
}

TEST_CASE("keys whose names coincide share one series") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(900, 257), 3), edge_sample(edge_key(901, 257), 4)};
  book.update(samples, names, kSecond);
  book.update(samples, names, kSecond + EdgeBook::kNameGraceNs);
  auto view = book.view();
  REQUIRE(view->edges.size() == 1);
  CHECK(view->edges[0].labels.find("source_workload=\"unknown\"") != std::string::npos);
  CHECK(view->edges[0].values[kSlotOpened] == 7);
  weft_edge_key first[] = {samples[0].key};
  book.forget(first);
  CHECK(book.view()->edges[0].values[kSlotOpened] == 7);
  weft_edge_key second[] = {samples[1].key};
  book.forget(second);
  CHECK(book.view()->edges.empty());
}

TEST_CASE("an edge waits for its names, and loses nothing by it") {
  EdgeBook book({});
  FakeNames names, nobody;
  nobody.workloads.clear();
  nobody.services.clear();
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 1'000'000), edge_sample(edge_key(1, 2, 0), 5)};
  book.update(samples, nobody, kSecond);
  CHECK(book.size() == 1);  // world to host needs no names
  samples[0].value.opened += 3;
  book.update(samples, names, 2 * kSecond);
  auto view = book.view();
  auto* series = find_series(*view, "source_workload=\"cart\"");
  REQUIRE(series);
  CHECK(series->values[kSlotOpened] == 1'000'003);
  CHECK(book.rates().opened_per_s == 0);
}

TEST_CASE("an edge whose names never come is unknown after a while") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(900, 257), 2)};
  book.update(samples, names, kSecond);
  CHECK(book.size() == 0);
  book.update(samples, names, kSecond + EdgeBook::kNameGraceNs);
  CHECK(find_series(*book.view(), "source_workload=\"unknown\"")->values[kSlotOpened] == 2);
}

TEST_CASE("labels are escaped and always UTF-8") {
  CHECK(escape_label("a\\b\"c\nd\te") == "a\\\\b\\\"c\\nd\te");
  CHECK(escape_label("ü\xff") == "ü\xef\xbf\xbd");
}

TEST_CASE("exposed series never exceed the budget, and no connection is missing from the sums") {
  auto names = many_names(400);
  for (std::size_t budget : {60u, 100u, 500u, 1000u, 5000u}) {
    EdgeBook book({budget, true});
    std::vector<EdgeSample> samples;
    std::uint64_t opened = 0;
    for (std::uint32_t i = 0; i < 399; ++i) {
      samples.push_back(edge_sample(edge_key(1000 + i, 1001 + i), i + 1));
      samples.back().value.failed[WEFT_FAIL_REFUSED] = 1;
      samples.back().value.duration.bucket[3] = i + 1;
      opened += i + 1;
    }
    book.update(samples, names, kSecond);
    auto view = book.view();
    CHECK(count_series(*view) <= budget);
    CHECK(count_series(*view) == view->active_series);
    CHECK(sum(*view, kSlotOpened) == opened);
    CHECK(sum(*view, kSlotFailed + WEFT_FAIL_REFUSED) == 399);
    std::uint64_t durations = 0;
    for (const auto& pair : view->pairs) durations += pair.histograms[2].count();
    CHECK(durations == opened);
    if (budget < 5000) CHECK(view->folded_series > 0);
  }
}

TEST_CASE(
    "old edges keep their series; a new one beyond the budget goes to _other and gets its own when room comes free") {
  auto names = many_names(20);
  EdgeBook book({54 + 9 + 25, false});  // _other, and room for three edges of nine series less two
  std::vector<EdgeSample> samples{edge_sample(edge_key(1000, 1001), 1), edge_sample(edge_key(1001, 1002), 1)};
  book.update(samples, names, kSecond);
  samples.push_back(edge_sample(edge_key(1002, 1003), 1));
  samples.push_back(edge_sample(edge_key(1003, 1004), 10));
  samples.push_back(edge_sample(edge_key(1004, 1005), 100));
  book.update(samples, names, 2 * kSecond);
  auto view = book.view();
  CHECK(find_series(*view, "source_workload=\"w0\""));
  CHECK(find_series(*view, "source_workload=\"w1\""));
  CHECK_FALSE(find_series(*view, "source_workload=\"w4\""));
  REQUIRE(find_series(*view, "_other"));
  CHECK(sum(*view, kSlotOpened) == 113);

  auto other_before = find_series(*view, "_other")->values[kSlotOpened];
  weft_edge_key first[] = {samples[0].key};
  book.forget(first);
  samples.erase(samples.begin());
  samples[2].value.opened += 5, samples[2].value.closed[0] += 5;
  book.update(samples, names, 3 * kSecond);
  samples[2].value.opened += 7, samples[2].value.closed[0] += 7;
  book.update(samples, names, 4 * kSecond);
  view = book.view();
  auto* unfolded = find_series(*view, "source_workload=\"w3\"");
  REQUIRE(unfolded);
  CHECK(unfolded->values[kSlotOpened] == 7);  // begins at zero: the rest is in _other already
  CHECK(find_series(*view, "_other")->values[kSlotOpened] == other_before + 5);
}

TEST_CASE("_other never falls, whatever is folded, forgotten, restarted or seen again") {
  std::mt19937 random(20240607);
  INFO("seed 20240607");
  auto names = many_names(60);
  EdgeBook book({250, true});
  std::map<std::pair<std::uint32_t, std::uint32_t>, EdgeSample> kernel;
  std::uint64_t other = 0, told = 0, truth = 0, gone_with_series = 0;
  for (int round = 1; round <= 400; ++round) {
    for (int i = 0; i < 5; ++i) {
      auto from = static_cast<std::uint32_t>(1000 + random() % 60),
           to = static_cast<std::uint32_t>(1000 + random() % 60);
      auto [it, added] = kernel.try_emplace({from, to}, edge_sample(edge_key(from, to), 0));
      auto grown = random() % 9;
      it->second.value.opened += grown;
      it->second.value.closed[random() % 3] += grown;
      it->second.value.rtt.bucket[random() % 10] += static_cast<std::uint32_t>(grown);
      truth += grown;
    }
    std::vector<EdgeSample> samples;
    for (const auto& [key, sample] : kernel) samples.push_back(sample);
    std::shuffle(samples.begin(), samples.end(), random);
    book.update(samples, names, static_cast<std::uint64_t>(round) * kSecond);
    auto view = book.view();
    CHECK(count_series(*view) <= 250);
    auto* series = find_series(*view, "_other");
    auto now = series ? series->values[kSlotOpened] : 0;
    CHECK(now >= other);
    other = now;
    told = sum(*view, kSlotOpened);
    CHECK(told + gone_with_series == truth);
    if (round % 3 == 0) {
      auto victim = std::next(kernel.begin(), static_cast<std::ptrdiff_t>(random() % kernel.size()));
      weft_edge_key keys[] = {victim->second.key};
      book.forget(keys);
      gone_with_series += told - sum(*book.view(), kSlotOpened);
      kernel.erase(victim);
    }
  }
  CHECK(told > 0);
  CHECK(other > 0);
}

TEST_CASE("the kernel's overflow row goes to _other and never expires") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(WEFT_EDGE_OVERFLOW, WEFT_EDGE_OVERFLOW, 0, 0, 0), 8, 1)};
  samples[0].value.closed[0] = 5;
  book.update(samples, names, kSecond);
  auto view = book.view();
  REQUIRE(view->edges.size() == 1);
  CHECK(view->edges[0].labels == other_edge_labels());
  CHECK(view->edges[0].values[kSlotOpened] == 8);
  CHECK(view->edges[0].values[kSlotActive] == 3);
  CHECK(book.expired(100 * EdgeBook::kIdleNs).empty());
  CHECK(book.list().empty());
}

TEST_CASE("an idle edge leaves after fifteen minutes, one with open connections after a day") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 3, kSecond), edge_sample(edge_key(257, 258), 3, kSecond)};
  samples[1].value.closed[0] = 2;
  book.update(samples, names, kSecond);
  CHECK(book.expired(kSecond + EdgeBook::kIdleNs - 1).empty());
  auto keys = book.expired(kSecond + EdgeBook::kIdleNs);
  REQUIRE(keys.size() == 1);
  CHECK(keys[0].source == 256);
  CHECK(book.view()->edges.size() == 2);
  book.forget(keys);
  CHECK(book.view()->edges.size() == 1);
  CHECK(book.expired(kSecond + EdgeBook::kIdleOpenNs).size() == 1);
}

TEST_CASE("an edge of a workload that is gone leaves within five minutes, unless it comes back") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 3, kSecond)};
  book.update(samples, names, kSecond);
  names.gone[257] = true;
  book.update(samples, names, 10 * kSecond);
  CHECK(book.expired(10 * kSecond + EdgeBook::kGoneNs - 1).empty());
  CHECK(book.expired(10 * kSecond + EdgeBook::kGoneNs).size() == 1);
  CHECK(EdgeBook::kGoneNs < 300 * kSecond);
  names.gone.clear();
  book.update(samples, names, 20 * kSecond);
  CHECK(book.expired(10 * kSecond + EdgeBook::kGoneNs).empty());
}

TEST_CASE("a row that the kernel started over counts on") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 30)};
  book.update(samples, names, kSecond);
  samples[0] = edge_sample(edge_key(256, 257), 4);
  book.update(samples, names, 2 * kSecond);
  CHECK(book.view()->edges[0].values[kSlotOpened] == 34);
}

TEST_CASE("rates are those of the last seconds, and the past of a restarted agent is no rate") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 1'000'000)};
  book.update(samples, names, 100 * kSecond);
  CHECK(book.list()[0].rates.opened_per_s == 0);
  for (std::uint64_t second = 101; second <= 130; ++second) {
    samples[0].value.opened += 50;
    samples[0].value.failed[0] += 2;
    book.update(samples, names, second * kSecond);
  }
  CHECK(book.list()[0].rates.opened_per_s == Approx(50));
  CHECK(book.rates().failed_per_s == Approx(2));
  for (std::uint64_t second = 131; second <= 141; ++second) book.update(samples, names, second * kSecond);
  CHECK(book.list()[0].rates.opened_per_s == 0);
}

TEST_CASE("the list tells folded edges too, with averages") {
  EdgeBook book({0, true});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257), 2)};
  samples[0].value.rtt = {.sum_us = 900, .bucket = {0, 3}};
  book.update(samples, names, kSecond);
  auto edges = book.list();
  REQUIRE(edges.size() == 1);
  CHECK(edges[0].totals[kSlotOpened] == 2);
  CHECK(edges[0].rtt_sum_us == 900);
  CHECK(edges[0].rtt_count == 3);
  CHECK(find_series(*book.view(), "_other")->values[kSlotOpened] == 2);
}

TEST_CASE("a datagram edge shows idle closes, a stream edge the other reasons") {
  EdgeBook book({});
  FakeNames names;
  EdgeSample samples[] = {edge_sample(edge_key(256, 257, 1, 53, IPPROTO_UDP), 0),
                          edge_sample(edge_key(256, 257, 1, 80), 0)};
  book.update(samples, names, kSecond);
  auto view = book.view();
  auto idle = 1u << (kSlotClosed + WEFT_CLOSE_IDLE), fin = 1u << (kSlotClosed + WEFT_CLOSE_FIN);
  CHECK((find_series(*view, "UDP")->shown & (idle | fin)) == idle);
  CHECK((find_series(*view, "TCP")->shown & (idle | fin)) == fin);
}
