// The parser of bpf/lib/udp.h, fed with built packets through the loaded program.
#include <memory>

#include "test/kernel/fixture.hpp"
#include "test/kernel/harness.h"
#include "weft/abi/maps.h"
// The skeleton names types of the headers above.
#include "harness.skel.h"

namespace weft::test {
namespace {

class Packet {
 public:
  Packet() : bytes_(14) {}  // test runs of cgroup_skb programs skip an Ethernet header

  Packet& ipv4(const char* from, const char* to, std::uint8_t protocol = 17, std::size_t options = 0) {
    bytes_[12] = 0x08;
    std::vector<std::uint8_t> header(20 + options);
    header[0] = static_cast<std::uint8_t>(0x40 | header.size() / 4);
    header[9] = protocol;
    std::memcpy(&header[12], IpAddress::parse(from).value().bytes.data() + 12, 4);
    std::memcpy(&header[16], IpAddress::parse(to).value().bytes.data() + 12, 4);
    return append(header);
  }
  Packet& ipv6(const char* from, const char* to, std::uint8_t next = 17) {
    bytes_[12] = 0x86;
    bytes_[13] = 0xdd;
    std::vector<std::uint8_t> header(40);
    header[0] = 0x60;
    header[6] = next;
    std::memcpy(&header[8], IpAddress::parse(from).value().bytes.data(), 16);
    std::memcpy(&header[24], IpAddress::parse(to).value().bytes.data(), 16);
    return append(header);
  }
  Packet& udp(std::uint16_t from, std::uint16_t to, std::size_t payload) {
    std::vector<std::uint8_t> header(8 + payload);
    header[0] = static_cast<std::uint8_t>(from >> 8), header[1] = static_cast<std::uint8_t>(from);
    header[2] = static_cast<std::uint8_t>(to >> 8), header[3] = static_cast<std::uint8_t>(to);
    return append(header);
  }
  Packet& cut(std::size_t size) {
    bytes_.resize(14 + size);
    return *this;
  }
  std::vector<std::uint8_t>& bytes() { return bytes_; }

 private:
  Packet& append(const std::vector<std::uint8_t>& part) {
    bytes_.insert(bytes_.end(), part.begin(), part.end());
    return *this;
  }
  std::vector<std::uint8_t> bytes_;
};

harness_datagram parse(Packet& packet, bool egress) {
  std::unique_ptr<harness_bpf, void (*)(harness_bpf*)> harness(harness_bpf__open_and_load(), harness_bpf__destroy);
  REQUIRE(harness);
  auto* program = egress ? harness->progs.harness_parse_egress : harness->progs.harness_parse_ingress;
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet.bytes().data(),
              .data_size_in = static_cast<__u32>(packet.bytes().size()));
  REQUIRE(::bpf_prog_test_run_opts(::bpf_program__fd(program), &options) == 0);
  harness_datagram out{};
  REQUIRE(Map<std::uint32_t, harness_datagram>(::bpf_map__fd(harness->maps.harness_datagram)).find(0, out));
  return out;
}

void check_ends(const harness_datagram& got, const char* local, std::uint16_t local_port, const char* remote,
                std::uint16_t remote_port, std::uint32_t payload) {
  REQUIRE(got.parsed == 1);
  auto want_local = raw_address(local), want_remote = raw_address(remote);
  CHECK(std::memcmp(&got.local, &want_local, 16) == 0);
  CHECK(std::memcmp(&got.remote, &want_remote, 16) == 0);
  CHECK(ntohs(got.local_port) == local_port);
  CHECK(ntohs(got.remote_port) == remote_port);
  CHECK(got.payload_bytes == payload);
}

TEST_CASE("a datagram on its way out has the source as its local end") {
  auto packet = Packet().ipv4("10.0.0.1", "10.0.0.2").udp(5000, 53, 17);
  check_ends(parse(packet, true), "10.0.0.1", 5000, "10.0.0.2", 53, 17);
}

TEST_CASE("a datagram on its way in has the destination as its local end") {
  auto packet = Packet().ipv4("10.0.0.1", "10.0.0.2").udp(5000, 53, 0);
  check_ends(parse(packet, false), "10.0.0.2", 53, "10.0.0.1", 5000, 0);
}

TEST_CASE("IPv4 options do not move the ports") {
  auto packet = Packet().ipv4("10.0.0.1", "10.0.0.2", 17, 40).udp(5000, 53, 9);
  check_ends(parse(packet, true), "10.0.0.1", 5000, "10.0.0.2", 53, 9);
}

TEST_CASE("IPv6 datagrams are read") {
  auto packet = Packet().ipv6("fd00::1", "fd00::2").udp(5000, 53, 100);
  check_ends(parse(packet, true), "fd00::1", 5000, "fd00::2", 53, 100);
}

TEST_CASE("what is no datagram is not taken for one") {
  auto tcp = Packet().ipv4("10.0.0.1", "10.0.0.2", 6).udp(1, 2, 20);
  CHECK(parse(tcp, true).parsed == 0);
  auto extension = Packet().ipv6("fd00::1", "fd00::2", 60).udp(1, 2, 20);
  CHECK(parse(extension, true).parsed == 0);
  auto cut = Packet().ipv4("10.0.0.1", "10.0.0.2").udp(1, 2, 0).cut(22);
  CHECK(parse(cut, true).parsed == 0);
}

}  // namespace
}  // namespace weft::test
