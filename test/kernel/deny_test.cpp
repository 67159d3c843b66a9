// Frames on an uplink through the loaded programs: (frame, deny list) → (verdict, hits). XDP and tcx must agree.
#include <catch2/catch.hpp>
#include <ctime>
#include <memory>

#include "agent/kernel/deny_tables.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"
#include "agent/model/deny_list.hpp"
#include "test/kernel/fixture.hpp"
#include "test/kernel/packet.hpp"
#include "weft/abi/pod.h"

namespace weft::test {
namespace {

constexpr int kXdpDrop = 1, kXdpPass = 2, kTcPass = -1, kTcDrop = 2;

std::uint64_t boot_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(time.tv_nsec);
}

// Puts 802.1Q or 802.1ad tags between the addresses and the type.
std::vector<std::uint8_t> tagged(std::vector<std::uint8_t> frame, std::vector<std::uint16_t> types) {
  std::vector<std::uint8_t> tags;
  for (auto type : types)
    tags.insert(tags.end(), {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 5});
  frame.insert(frame.begin() + 12, tags.begin(), tags.end());
  return frame;
}

class Uplink {
 public:
  Uplink() {
    REQUIRE(open_pin_directory(pins_.path()));
    DatapathOptions options;
    options.bpffs = pins_.path();
    object_ = std::make_unique<BpfObject>(BpfObject::load(options, {}).value());
    tables_ = std::make_unique<DenyTables>(*object_);
  }
  void deny(const char* cidr, std::uint32_t entry, std::uint64_t until_ns = 0) {
    rows_[parse_denied(cidr).value()] = {until_ns, entry, 0};
    REQUIRE(tables_->put(rows_));
    weft_deny_sizes sizes{};
    for (const auto& [block, row] : rows_) ++(is_single(block) ? sizes.addresses : sizes.networks);
    REQUIRE(tables_->put_sizes(sizes));
  }
  // Whether both programs drop the frame; they must agree.
  bool drops(const std::vector<std::uint8_t>& frame) {
    int xdp = run("weft_uplink_xdp", frame), tc = run("weft_uplink_tc", frame);
    CHECK((xdp == kXdpDrop || xdp == kXdpPass));
    CHECK((tc == kTcDrop || tc == kTcPass));
    CHECK((xdp == kXdpDrop) == (tc == kTcDrop));
    return xdp == kXdpDrop;
  }
  // For frames so short that the kernel makes no packet of them, which tc could be asked about.
  bool xdp_drops(const std::vector<std::uint8_t>& frame) { return run("weft_uplink_xdp", frame) == kXdpDrop; }
  std::uint64_t hits(std::uint32_t entry) { return tables_->hits().value()[entry].packets; }
  std::uint64_t drop_count() {
    std::uint64_t sum = 0;
    PerCpuMap<std::uint32_t, std::uint64_t> map(object_->map_fd("weft_drops"), possible_cpus().value());
    for (auto part : map.get(WEFT_DROP_DENY_LIST)) sum += part;
    return sum;
  }
  DenyTables& tables() { return *tables_; }

 private:
  int run(const char* program, std::vector<std::uint8_t> frame) {
    std::vector<std::uint8_t> out(2048);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.data(),
                .data_size_in = static_cast<__u32>(frame.size()), .data_size_out = static_cast<__u32>(out.size()));
    REQUIRE(::bpf_prog_test_run_opts(object_->program_fd(program), &options) == 0);
    return static_cast<int>(options.retval);
  }
  PinDirectory pins_;
  std::unique_ptr<BpfObject> object_;
  std::unique_ptr<DenyTables> tables_;
  DenialRows rows_;
};

std::vector<std::uint8_t> from_v4(const char* source) { return Packet().ipv4(source, "192.0.2.1").udp(1, 2).bytes(); }
std::vector<std::uint8_t> from_v6(const char* source) { return Packet().ipv6(source, "2001:db8::1").udp(1, 2).bytes(); }

}  // namespace

TEST_CASE("an empty deny list drops nothing") {
  Uplink uplink;
  CHECK_FALSE(uplink.drops(from_v4("198.51.100.7")));
  CHECK_FALSE(uplink.drops(from_v6("2001:db8::7")));
  CHECK(uplink.drop_count() == 0);
}

TEST_CASE("single addresses and blocks of both families are dropped, their neighbours are not") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1);
  uplink.deny("203.0.113.0/25", 2);
  uplink.deny("2001:db8::7", 3);
  uplink.deny("2001:db8:1::/48", 4);
  CHECK(uplink.drops(from_v4("198.51.100.7")));
  CHECK_FALSE(uplink.drops(from_v4("198.51.100.8")));
  CHECK(uplink.drops(from_v4("203.0.113.127")));
  CHECK_FALSE(uplink.drops(from_v4("203.0.113.128")));
  CHECK(uplink.drops(from_v6("2001:db8::7")));
  CHECK_FALSE(uplink.drops(from_v6("2001:db8::8")));
  CHECK(uplink.drops(from_v6("2001:db8:1:ffff::1")));
  CHECK_FALSE(uplink.drops(from_v6("2001:db8:2::1")));
  for (std::uint32_t entry : {1, 2, 3, 4}) CHECK(uplink.hits(entry) == 2);  // one by each program
  CHECK(uplink.drop_count() == 8);
}

TEST_CASE("the destination is not what is denied") {
  Uplink uplink;
  uplink.deny("192.0.2.1", 1);
  CHECK_FALSE(uplink.drops(from_v4("198.51.100.7")));
}

TEST_CASE("up to two tags are looked behind, and three are not") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1);
  uplink.deny("2001:db8::7", 2);
  for (const auto& frame : {from_v4("198.51.100.7"), from_v6("2001:db8::7")}) {
    CHECK(uplink.drops(tagged(frame, {0x8100})));
    CHECK(uplink.drops(tagged(frame, {0x88a8, 0x8100})));
    CHECK_FALSE(uplink.drops(tagged(frame, {0x8100, 0x8100, 0x8100})));
  }
  CHECK_FALSE(uplink.drops(tagged(from_v4("198.51.100.8"), {0x8100})));
}

TEST_CASE("what is cut short, or is no IP, passes") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1);
  uplink.deny("2001:db8::7", 2);
  auto cut = [](std::vector<std::uint8_t> frame, std::size_t to) { return frame.resize(to), frame; };
  for (std::size_t size : {14u, 20u, 33u}) CHECK_FALSE(uplink.xdp_drops(cut(from_v4("198.51.100.7"), size)));
  for (std::size_t size : {14u, 34u, 53u}) CHECK_FALSE(uplink.xdp_drops(cut(from_v6("2001:db8::7"), size)));
  CHECK_FALSE(uplink.xdp_drops(cut(tagged(from_v4("198.51.100.7"), {0x8100}), 16)));
  CHECK(uplink.xdp_drops(cut(from_v4("198.51.100.7"), 34)));
  CHECK(uplink.xdp_drops(cut(from_v6("2001:db8::7"), 54)));
  CHECK_FALSE(uplink.drops(Packet().arp("198.51.100.7").bytes()));
  auto other = from_v4("198.51.100.7");
  other[12] = 0x88, other[13] = 0xb5;
  CHECK_FALSE(uplink.drops(other));
}

TEST_CASE("a denial that has ended drops nothing, one that has not does") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1, boot_ns() - 1);
  uplink.deny("198.51.100.8", 2, boot_ns() + 3'600'000'000'000);
  uplink.deny("203.0.113.0/24", 3, boot_ns() - 1);
  CHECK_FALSE(uplink.drops(from_v4("198.51.100.7")));
  CHECK(uplink.drops(from_v4("198.51.100.8")));
  CHECK_FALSE(uplink.drops(from_v4("203.0.113.1")));
}

TEST_CASE("an address whose own denial has ended is dropped for the block around it") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1, boot_ns() - 1);
  uplink.deny("198.51.100.0/24", 2);
  CHECK(uplink.drops(from_v4("198.51.100.7")));
  CHECK(uplink.hits(1) == 0);
  CHECK(uplink.hits(2) == 2);
}

TEST_CASE("fragments are dropped like whole packets") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1);
  CHECK(uplink.drops(Packet().ipv4("198.51.100.7", "192.0.2.1", 0, 0x2000).udp(1, 2).payload(8).bytes()));
  CHECK(uplink.drops(Packet().ipv4("198.51.100.7", "192.0.2.1", 0, 0x0010).payload(32).bytes()));
}

TEST_CASE("a dump gives back what was written, and erased rows are gone") {
  Uplink uplink;
  uplink.deny("198.51.100.7", 1, 77);
  uplink.deny("2001:db8::/32", 2);
  auto dump = uplink.tables().dump().value();
  REQUIRE(dump.rows.size() == 2);
  CHECK(dump.rows.at(parse_denied("198.51.100.7").value()).until_ns == 77);
  CHECK(dump.sizes.addresses == 1);
  CHECK(dump.sizes.networks == 1);
  REQUIRE(uplink.tables().erase(parse_denied("2001:db8::/32").value()));
  CHECK(uplink.tables().dump().value().rows.size() == 1);
}

}  // namespace weft::test
