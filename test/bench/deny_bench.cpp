// What the deny list costs a packet: nanoseconds of the loaded XDP program over one that passes everything, by test
// runs with sources spread over 100,000 addresses and 1,000 blocks. Root only. usage: deny_bench [ADDRESSES [BLOCKS]]
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <random>

#include "agent/kernel/deny_tables.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"

using namespace weft;

namespace {

constexpr int kRounds = 7;
constexpr std::uint32_t kRepeat = 2000;  // of one packet in one call: what a call itself costs is spread over it
constexpr std::size_t kSources = 2000;   // distinct packets of a round
constexpr std::size_t kV4Source = 14 + 12;

Fd load_empty() {
  const bpf_insn pass_all[] = {{BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2 /* XDP_PASS */},
                               {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  return Fd(::bpf_prog_load(BPF_PROG_TYPE_XDP, "empty", "GPL", pass_all, std::size(pass_all), nullptr));
}

// Median over rounds of the mean time of a packet.
double measure(int program, const std::vector<std::uint32_t>& sources, std::uint32_t repeat) {
  std::vector<double> rounds;
  std::vector<std::uint8_t> frame(64);
  frame[12] = 8;
  frame[14] = 0x45;
  for (int round = 0; round < kRounds; ++round) {
    double sum = 0;
    for (auto source : sources) {
      auto raw = htonl(source);
      std::memcpy(frame.data() + kV4Source, &raw, sizeof raw);
      LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_size_in = 64,
                  .repeat = static_cast<int>(repeat));
      if (::bpf_prog_test_run_opts(program, &options) != 0) std::exit(1);
      sum += options.duration;
    }
    rounds.push_back(sum / static_cast<double>(sources.size()));
  }
  std::ranges::nth_element(rounds, rounds.begin() + kRounds / 2);
  return rounds[kRounds / 2];
}

void show(const char* what, int program, int empty, const std::vector<std::uint32_t>& sources, std::uint32_t repeat) {
  auto base = measure(empty, sources, repeat), with = measure(program, sources, repeat);
  fmt::print("{:28} {:7.1f} ns a packet, {:7.1f} over an empty program\n", what, with, with - base);
}

}  // namespace

int main(int argc, char** argv) {
  auto addresses = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 100'000UL;
  auto blocks = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 1'000UL;
  DatapathOptions options;
  options.bpffs = "/sys/fs/bpf/weft-bench-" + std::to_string(::getpid());
  if (auto opened = open_pin_directory(options.bpffs); !opened) return fmt::print("{}\n", opened.error().what), 1;
  options.sizes.denied_networks = std::max<std::uint32_t>(16384, static_cast<std::uint32_t>(blocks));
  options.sizes.denied_addresses = std::max<std::uint32_t>(131072, static_cast<std::uint32_t>(addresses));
  auto object = BpfObject::load(options, {});
  std::filesystem::remove_all(options.bpffs);
  if (!object) return fmt::print("{}\n", object.error().what), 1;
  DenyTables tables(*object);
  auto empty = load_empty();
  int program = object->program_fd("weft_uplink_xdp");

  std::mt19937 random(1);
  DenialRows rows;
  std::vector<std::uint32_t> strangers, denied;
  auto add = [&](std::uint32_t address, std::uint8_t bits) {
    auto block = Cidr::parse(IpAddress::v4(address).text() + "/" + std::to_string(bits)).value();
    rows.emplace(block, weft_denial{0, static_cast<std::uint32_t>(rows.size() + 1), 0});
  };
  while (rows.size() < addresses) add(random(), 32);
  for (const auto& [block, row] : rows)
    if (denied.size() < kSources && random() % 50 == 0) {
      std::uint32_t raw = 0;
      std::memcpy(&raw, block.address.bytes.data() + 12, 4);
      denied.push_back(ntohl(raw));
    }
  while (rows.size() < addresses + blocks) add(random(), static_cast<std::uint8_t>(20 + random() % 9));
  for (std::size_t i = 0; i < kSources; ++i) strangers.push_back(static_cast<std::uint32_t>(random()));

  show("empty list", program, empty.get(), strangers, kRepeat);
  if (auto put = tables.put(rows); !put) return fmt::print("{}\n", put.error().what), 1;
  weft_deny_sizes sizes{};
  for (const auto& [block, row] : rows) ++(is_single(block) ? sizes.addresses : sizes.networks);
  if (!tables.put_sizes({sizes.addresses, 0})) return 1;
  show("strangers, addresses only", program, empty.get(), strangers, kRepeat);
  if (!tables.put_sizes(sizes)) return 1;
  fmt::print("{} addresses, {} blocks\n", sizes.addresses, sizes.networks);
  show("strangers", program, empty.get(), strangers, kRepeat);
  show("denied addresses", program, empty.get(), denied, kRepeat);
  show("strangers, cold caches", program, empty.get(), strangers, 1);
}
