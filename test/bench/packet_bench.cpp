// packet_bench [IDENTITIES [FLOWS]]: what the program that judges packets to a pod costs, by BPF_PROG_TEST_RUN, beside
// an empty program of the same kind. One subject has two rows for each identity. Prints a line of JSON, times in
// nanoseconds of one run:
//   empty         an empty program
//   no_policy     nobody on the node is under policy
//   one_flow      one connection, policy allows
//   flows         another connection with each packet; what the kernel adds to a single run is taken off
// Root only.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "agent/kernel/environment.hpp"
#include "agent/kernel/map.hpp"
#include "agent/kernel/object.hpp"
#include "weft/abi/pod.h"
#include "weft/abi/policy.h"

namespace weft {
namespace {

constexpr std::uint32_t kSubject = 1;
constexpr std::uint32_t kInterface = 1;  // of a test run without another one: lo
constexpr std::uint32_t kPodAddress = 0x0a000001, kFirstPeer = 0x0a100000;
constexpr std::uint32_t kHotRuns = 1'000'000;
constexpr std::uint32_t kFirstIdentity = 256;

[[noreturn]] void give_up(const std::string& what) {
  fmt::print(stderr, "packet_bench: {}\n", what);
  std::exit(1);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error().what);
  return std::move(*result);
}
void must(Result<> result) {
  if (!result) give_up(result.error().what);
}

weft_address mapped(std::uint32_t address) {
  weft_address out{};
  out.word[2] = htonl(0xffff);
  out.word[3] = htonl(address);
  return out;
}

// A TCP segment of an open connection, from `peer` to the pod's port 80.
struct Segment {
  std::uint8_t bytes[60] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 0, 46, 0, 7, 0x40, 0, 64, 6};

  explicit Segment(std::uint32_t peer, std::uint16_t port) {
    bytes[46] = 5 << 4;
    bytes[47] = 16;  // ACK
    aim(peer, port);
  }
  void aim(std::uint32_t peer, std::uint16_t port) {
    std::uint32_t source = htonl(peer), destination = htonl(kPodAddress);
    std::uint16_t ports[2] = {htons(port), htons(80)};
    std::memcpy(bytes + 26, &source, 4);
    std::memcpy(bytes + 30, &destination, 4);
    std::memcpy(bytes + 34, ports, 4);
  }
};

double run_ns(int program, const Segment& segment, std::uint32_t repeat) {
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = segment.bytes, .data_size_in = sizeof segment.bytes,
              .repeat = static_cast<int>(repeat));
  if (::bpf_prog_test_run_opts(program, &options) != 0) give_up("test run: " + std::string(std::strerror(errno)));
  if (options.retval != static_cast<__u32>(-1)) give_up(fmt::format("a packet was not passed: {}", options.retval));
  return options.duration;
}

Fd empty_program() {
  const bpf_insn next[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1}, {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return Fd(::bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", next, std::size(next), nullptr));
}

template <class K, class V>
void fill(const BpfObject& object, const char* name, const std::vector<K>& keys, const std::vector<V>& values) {
  if (Map<K, V>(object.map_fd(name)).put_many(keys, values) < keys.size())
    give_up(std::string("write ") + name + ": " + std::strerror(errno));
}

void fill_policy(const BpfObject& object, std::uint32_t identities) {
  std::vector<weft_peer_key> addresses{{mapped(kPodAddress), 0, 0, 0}};
  std::vector<weft_peer> peers{{1, 0, kSubject, 1, WEFT_PEER_LOCAL, 0, 0}};
  std::vector<weft_policy_key> keys;
  std::vector<weft_policy> rows;
  for (std::uint32_t i = 0; i < identities; ++i) {
    addresses.push_back({mapped(kFirstPeer + i), 0, 0, 0});
    peers.push_back({kFirstIdentity + i, 0, 0, 2 + i, 0, 0, 0});
    for (std::uint16_t port : {80, 443}) {
      keys.push_back({kSubject, kFirstIdentity + i, htons(port), 6, WEFT_POLICY_KIND(WEFT_INGRESS, WEFT_SHAPE_PORT)});
      rows.push_back({{}, {}, 1, 0});
    }
  }
  fill(object, "weft_peers", addresses, peers);
  fill(object, "weft_policy", keys, rows);
  weft_subject subject{};
  subject.side[WEFT_INGRESS].flags = WEFT_SIDE_ISOLATED;
  subject.side[WEFT_INGRESS].shapes[WEFT_PEER_CLASS_IDENTITY] = 1 << WEFT_SHAPE_PORT;
  must(Map<std::uint32_t, weft_subject>(object.map_fd("weft_subjects")).put(kSubject, subject));
  must(Map<std::uint32_t, weft_interface>(object.map_fd("weft_interfaces")).put(kInterface, {-1, 0}));
}

void set_subjects(const BpfObject& object, bool present) {
  must(Map<std::uint32_t, weft_policy_state>(object.map_fd("weft_policy_state")).put(0, {!present, 0}));
}

// The mean of single runs, each of another connection.
double mean_of_flows(int program, std::uint32_t identities, std::uint32_t flows) {
  std::mt19937 random(1);
  Segment segment(kFirstPeer, 1);
  std::vector<double> found;
  for (std::uint32_t i = 0; i < flows; ++i) {
    segment.aim(kFirstPeer + static_cast<std::uint32_t>(random() % identities), static_cast<std::uint16_t>(random()));
    found.push_back(run_ns(program, segment, 1));
  }
  std::sort(found.begin(), found.end());
  found.resize(found.size() * 99 / 100);  // the rest met an interrupt
  double sum = 0;
  for (auto ns : found) sum += ns;
  return sum / static_cast<double>(found.size());
}

void measure(std::uint32_t identities, std::uint32_t flows) {
  std::filesystem::path pins = "/sys/fs/bpf/weft-bench-" + std::to_string(::getpid());
  must(open_pin_directory(pins));
  {
    DatapathOptions options;
    options.bpffs = pins;
    options.sizes.peers = identities + 16;
    options.sizes.policy = 2 * identities + 16;
    auto object = must(BpfObject::load(options, {}));
    auto program = object.program_fd("weft_pod_ingress");
    auto empty = empty_program();
    if (program < 0 || !empty) give_up("the programs do not load");
    fill_policy(object, identities);
    Segment one(kFirstPeer + identities / 2, 4000);
    auto bare = run_ns(empty.get(), one, kHotRuns);
    set_subjects(object, false);
    auto free = run_ns(program, one, kHotRuns);
    set_subjects(object, true);
    auto hot = run_ns(program, one, kHotRuns);
    auto single = mean_of_flows(empty.get(), identities, flows);
    auto many = mean_of_flows(program, identities, flows);
    fmt::print(
        "{{\"identities\": {}, \"rows\": {}, \"empty\": {:.1f}, \"no_policy\": {:.1f}, \"one_flow\": {:.1f}, "
        "\"flows\": {:.1f}}}\n",
        identities, 2 * identities, bare, free, hot, many - single + bare);
  }
  std::filesystem::remove_all(pins);
}

}  // namespace
}  // namespace weft

int main(int argc, char** argv) {
  auto number = [&](int i, std::uint32_t otherwise) {
    return argc > i ? static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10)) : otherwise;
  };
  weft::measure(number(1, 100'000), number(2, 1'000'000));
}
