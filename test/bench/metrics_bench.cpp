// A scrape of 10,000 edges: per-CPU sums, the book's update, the view and the page, in the order in which they happen.
// Prints processor time per step in milliseconds (best of seven, so that a busy machine does not show) and the page's
// size.
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <thread>

#include "agent/observe/metrics_page.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;
using namespace weft::test;

namespace {

constexpr std::uint32_t kEdges = 10'000;

double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

template <class F>
double best_ms(F&& work) {
  double best = 1e9;
  for (int i = 0; i < 7; ++i) {
    auto begin = cpu_ms();
    work();
    best = std::min(best, cpu_ms() - begin);
  }
  return best;
}

struct Kernel {
  std::size_t cpus = std::max(2u, std::thread::hardware_concurrency());
  std::vector<weft_edge_key> keys;
  std::vector<weft_edge> values;  // cpus per key

  explicit Kernel(FakeNames& names) {
    for (std::uint32_t i = 0; i < kEdges; ++i) {
      names.workloads[1000 + i] = {"namespace-" + std::to_string(i % 20), "workload-" + std::to_string(i)};
      keys.push_back(edge_key(1000 + i, 1000 + (i * 7919) % kEdges));
      for (std::size_t cpu = 0; cpu < cpus; ++cpu) values.push_back(edge_sample(keys.back(), i).value);
    }
  }
  void work_on() {
    for (auto& value : values)
      ++value.opened, ++value.closed[0], ++value.rtt.bucket[i_++ % 10], value.sent_bytes += 100;
  }

 private:
  std::size_t i_ = 0;
};

void run(bool histograms) {
  FakeNames names;
  Kernel kernel(names);
  EdgeBook book({10'000'000, histograms});
  std::vector<EdgeSample> samples(kEdges);
  std::uint64_t now = 1;
  auto sum = [&] {
    for (std::size_t i = 0; i < kEdges; ++i)
      samples[i] = {kernel.keys[i], sum_cpus(std::span(kernel.values).subspan(i * kernel.cpus, kernel.cpus))};
  };
  sum();
  book.update(samples, names, now);
  auto page = std::make_shared<MetricsPage>();
  std::size_t bytes = 0;
  std::string chunk;
  double sum_ms = best_ms([&] { kernel.work_on(), sum(); });
  double update_ms =
      best_ms([&] { kernel.work_on(), sum(), book.update(samples, names, now += 1'000'000'000); }) - sum_ms;
  double view_ms = best_ms([&] { page->edges = book.view(); });
  double page_ms = best_ms([&] {
    MetricsCursor cursor(page);
    for (bytes = 0; cursor.next(chunk); chunk.clear()) bytes += chunk.size();
  });
  fmt::print("edges={} histograms={} sum={:.2f} update={:.2f} view={:.2f} page={:.2f} scrape={:.2f} ms bytes={}\n",
             kEdges, histograms, sum_ms, update_ms, view_ms, page_ms, sum_ms + update_ms + view_ms + page_ms, bytes);
}

}  // namespace

int main() {
  run(false);
  run(true);
}
