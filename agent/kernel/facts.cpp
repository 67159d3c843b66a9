#include "agent/kernel/facts.hpp"

#include <bpf/bpf.h>
#include <netinet/in.h>

#include <algorithm>

#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"

namespace weft {
namespace {

void add(weft_histogram& sum, const weft_histogram& part) {
  sum.sum_us += part.sum_us;
  for (int i = 0; i < WEFT_HISTOGRAM_BUCKETS; ++i) sum.bucket[i] += part.bucket[i];
}

void add(weft_edge& sum, const weft_edge& part) {
  sum.opened += part.opened;
  for (std::size_t i = 0; i < std::size(sum.closed); ++i) sum.closed[i] += part.closed[i];
  for (std::size_t i = 0; i < std::size(sum.failed); ++i) sum.failed[i] += part.failed[i];
  sum.sent_bytes += part.sent_bytes;
  sum.received_bytes += part.received_bytes;
  sum.sent_packets += part.sent_packets;
  sum.received_packets += part.received_packets;
  sum.retransmits += part.retransmits;
  sum.inter_zone_bytes += part.inter_zone_bytes;
  sum.last_ns = std::max(sum.last_ns, part.last_ns);
  add(sum.connect, part.connect);
  add(sum.rtt, part.rtt);
  add(sum.duration, part.duration);
}

weft_flow_event event_of(const weft_udp_flow_key& key, const weft_udp_flow& flow) {
  weft_flow_event event{};
  event.time_ns = flow.last_ns;
  event.duration_ns = flow.last_ns - flow.opened_ns;
  event.socket_cookie = key.socket_cookie;
  event.cgroup = flow.cgroup;
  event.kind = WEFT_FLOW_OPEN;
  event.protocol = IPPROTO_UDP;
  event.reporter = flow.reporter;
  event.source = flow.source;
  event.destination = flow.destination;
  event.service_address = flow.service_address;
  event.source_port = flow.source_port;
  event.destination_port = flow.destination_port;
  event.service_port = flow.service_port;
  event.source_zone = flow.source_zone;
  event.destination_zone = flow.destination_zone;
  event.source_workload = flow.source_workload;
  event.destination_workload = flow.destination_workload;
  event.service = flow.service;
  event.pid = flow.pid;
  event.sent_bytes = flow.sent_bytes;
  event.received_bytes = flow.received_bytes;
  event.sent_packets = flow.sent_packets;
  event.received_packets = flow.received_packets;
  return event;
}

// Entries of a hash, by walking its keys: the kernel has no counter for them.
std::uint64_t count_entries(int fd, std::size_t key_size) {
  std::vector<unsigned char> key(key_size), next(key_size);
  const void* previous = nullptr;
  std::uint64_t count = 0;
  while (::bpf_map_get_next_key(fd, previous, next.data()) == 0) {
    key.swap(next);
    previous = key.data();
    ++count;
  }
  return count;
}

}  // namespace

Result<KernelFacts> KernelFacts::open(const BpfObject& object) {
  auto cpus = WEFT_TRY(possible_cpus());
  KernelFacts facts;
  facts.edges_ = PerCpuMap<weft_edge_key, weft_edge>(object.map_fd("weft_edges"), cpus);
  facts.counters_ = PerCpuMap<std::uint32_t, std::uint64_t>(object.map_fd("weft_counters"), cpus);
  facts.helper_errors_ = PerCpuMap<weft_helper_error_key, std::uint64_t>(object.map_fd("weft_helper_errors"), cpus);
  facts.verdicts_ = PerCpuMap<weft_verdict_key, weft_verdict_count>(object.map_fd("weft_verdicts"), cpus);
  facts.drops_ = PerCpuMap<std::uint32_t, std::uint64_t>(object.map_fd("weft_drops"), cpus);
  facts.connections_ = Map<std::uint64_t, weft_flow_event>(object.map_fd("weft_connections"));
  facts.udp_flows_ = Map<weft_udp_flow_key, weft_udp_flow>(object.map_fd("weft_udp_flows"));
  facts.close_idle_program_ = object.program_fd("weft_close_idle");
  for (const char* name : {"weft_affinity", "weft_edges", "weft_connections", "weft_udp_flows", "weft_verdicts"})
    facts.counted_maps_.emplace_back(name, object.map_fd(name));
  weft_edge_key overflow{};
  overflow.source = overflow.destination = WEFT_EDGE_OVERFLOW;
  WEFT_TRY_AS("weft_edges", facts.edges_.put_all(overflow, weft_edge{}));
  return facts;
}

Result<std::vector<std::pair<weft_edge_key, weft_edge>>> KernelFacts::edges() const {
  std::vector<std::pair<weft_edge_key, weft_edge>> all;
  WEFT_TRY_AS("weft_edges", edges_.for_each([&](const weft_edge_key& key, const weft_edge* parts) {
    weft_edge sum{};
    for (unsigned cpu = 0; cpu < edges_.cpus(); ++cpu) add(sum, parts[cpu]);
    all.emplace_back(key, sum);
  }));
  return all;
}

Result<> KernelFacts::forget_edge(const weft_edge_key& key) const { return edges_.erase(key); }

std::array<std::uint64_t, WEFT_COUNTER_COUNT> KernelFacts::counters() const {
  std::array<std::uint64_t, WEFT_COUNTER_COUNT> sums{};
  for (std::uint32_t i = 0; i < sums.size(); ++i)
    for (auto part : counters_.get(i)) sums[i] += part;
  return sums;
}

Result<std::vector<HelperError>> KernelFacts::helper_errors() const {
  std::vector<HelperError> errors;
  auto read = helper_errors_.for_each([&](const weft_helper_error_key& key, const std::uint64_t* parts) {
    HelperError error{key.helper, key.error, 0};
    for (unsigned cpu = 0; cpu < helper_errors_.cpus(); ++cpu) error.count += parts[cpu];
    errors.push_back(error);
  });
  if (!read) return std::unexpected(read.error());
  return errors;
}

Result<std::vector<std::pair<weft_verdict_key, weft_verdict_count>>> KernelFacts::verdicts() const {
  std::vector<std::pair<weft_verdict_key, weft_verdict_count>> all;
  WEFT_TRY_AS("weft_verdicts", verdicts_.for_each([&](const weft_verdict_key& key, const weft_verdict_count* parts) {
    weft_verdict_count sum{};
    for (unsigned cpu = 0; cpu < verdicts_.cpus(); ++cpu) {
      sum.decisions += parts[cpu].decisions;
      sum.last_ns = std::max(sum.last_ns, parts[cpu].last_ns);
    }
    all.emplace_back(key, sum);
  }));
  return all;
}

Result<> KernelFacts::forget_verdict(const weft_verdict_key& key) const { return verdicts_.erase(key); }

std::array<std::uint64_t, WEFT_DROP_COUNT> KernelFacts::drops() const {
  std::array<std::uint64_t, WEFT_DROP_COUNT> sums{};
  for (std::uint32_t i = 0; i < sums.size(); ++i)
    for (auto part : drops_.get(i)) sums[i] += part;
  return sums;
}

Result<std::uint32_t> KernelFacts::close_idle_udp(std::uint64_t idle_ns) const {
  weft_idle_request request{idle_ns, 0, 0};
  LIBBPF_OPTS(bpf_test_run_opts, options, .ctx_in = &request, .ctx_size_in = sizeof request);
  if (::bpf_prog_test_run_opts(close_idle_program_, &options) != 0)
    return fail_errno(errno, "close idle UDP conversations");
  return request.closed;
}

Result<> KernelFacts::list_connections(std::span<const weft_flow_event> opened,
                                       std::span<const std::uint64_t> closed) const {
  std::vector<std::uint64_t> cookies;
  cookies.reserve(opened.size());
  for (const auto& event : opened) cookies.push_back(event.socket_cookie);
  if (connections_.put_many(cookies, {opened.begin(), opened.end()}) < opened.size() && errno != E2BIG)
    return fail_errno(errno, "weft_connections: list an open connection");
  for (auto cookie : closed) WEFT_TRY_AS("weft_connections", connections_.erase(cookie));
  return {};
}

Result<std::vector<weft_flow_event>> KernelFacts::connections() const {
  std::vector<weft_flow_event> all;
  WEFT_TRY_AS("weft_connections",
              connections_.for_each([&](std::uint64_t, const weft_flow_event& event) { all.push_back(event); }));
  WEFT_TRY_AS("weft_udp_flows", udp_flows_.for_each([&](const weft_udp_flow_key& key, const weft_udp_flow& flow) {
    all.push_back(event_of(key, flow));
  }));
  return all;
}

std::vector<MapUsage> KernelFacts::usage() const {
  std::vector<MapUsage> usage;
  for (const auto& [name, fd] : counted_maps_) {
    bpf_map_info info{};
    __u32 size = sizeof info;
    if (::bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
      usage.push_back({name, count_entries(fd, info.key_size), info.max_entries});
  }
  return usage;
}

}  // namespace weft
