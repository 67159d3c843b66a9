// Packets of a pod through the loaded programs: (packet, policy) → (verdict, drop reason). The interface is lo and the
// namespace the test's own, so that questions about sockets meet real ones.
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include <array>
#include <cstdlib>

#include "agent/base/fd.hpp"
#include "test/kernel/pod_world.hpp"

namespace weft::test {
namespace {

struct Case {
  const char* what;
  weft_direction direction;
  Packet packet;
  int verdict;
  int reason = kNoReason;  // enum weft_drop
};

void judge(PodWorld& world, const std::vector<Case>& cases) {
  for (const auto& one : cases) {
    INFO(one.what);
    world.forget_answers();
    auto before = world.drops();
    CHECK(world.run(one.direction, one.packet) == one.verdict);
    auto after = world.drops();
    for (int reason = 0; reason < WEFT_DROP_COUNT; ++reason)
      CHECK(after[static_cast<std::size_t>(reason)] - before[static_cast<std::size_t>(reason)] ==
            (reason == one.reason ? 1 : 0));
  }
}

// The same for both versions: addresses of the pod, its client, a stranger and the pod without policy.
struct Family {
  bool v6;
  const char *web, *client, *stranger, *free;
  Packet ip(const char* source, const char* destination) const {
    Packet packet;
    return v6 ? packet.ipv6(source, destination) : packet.ipv4(source, destination);
  }
};
constexpr Family kFamilies[] = {{false, "10.1.0.1", "10.1.0.2", "10.1.0.3", "10.1.0.9"},
                                {true, "fd00::1", "fd00::2", "fd00::3", "fd00::9"}};

// A network namespace with these addresses on lo, left at the end.
class OwnNamespace {
 public:
  explicit OwnNamespace(std::initializer_list<const char*> addresses)
      : before_(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)) {
    REQUIRE(::unshare(CLONE_NEWNET) == 0);
    REQUIRE(std::system("ip link set lo up") == 0);
    for (std::string address : addresses)
      REQUIRE(std::system(("ip address add " + address + "/32 dev lo").c_str()) == 0);
  }
  ~OwnNamespace() { ::setns(before_.get(), CLONE_NEWNET); }

 private:
  Fd before_;
};

struct Connection {
  Fd listener, client, server;
  std::uint16_t port = 0;  // of the client

  Connection(const char* from, const char* to, std::uint16_t to_port)
      : listener(::socket(AF_INET, SOCK_STREAM, 0)), client(::socket(AF_INET, SOCK_STREAM, 0)) {
    auto source = address(from, 0), target = address(to, to_port);
    REQUIRE(::bind(listener.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0);
    REQUIRE(::listen(listener.get(), 1) == 0);
    REQUIRE(::bind(client.get(), reinterpret_cast<sockaddr*>(&source), sizeof source) == 0);
    REQUIRE(::connect(client.get(), reinterpret_cast<sockaddr*>(&target), sizeof target) == 0);
    server = Fd(::accept(listener.get(), nullptr, nullptr));
    REQUIRE(server);
    socklen_t size = sizeof source;
    REQUIRE(::getsockname(client.get(), reinterpret_cast<sockaddr*>(&source), &size) == 0);
    port = ntohs(source.sin_port);
  }

 private:
  static sockaddr_in address(const char* text, std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    REQUIRE(::inet_pton(AF_INET, text, &out.sin_addr) == 1);
    return out;
  }
};

}  // namespace

TEST_CASE("policy decides about new connections and datagrams in both directions") {
  PodWorld world;
  for (const auto& f : kFamilies) {
    auto in = [&](const char* from) { return f.ip(from, f.web); };
    auto out = [&](const char* to) { return f.ip(f.web, to); };
    judge(
        world,
        {
            {"SYN of the client to the served port", WEFT_INGRESS, in(f.client).tcp(40000, 80, kSyn), kPass},
            {"SYN of the client to another port", WEFT_INGRESS, in(f.client).tcp(40000, 81, kSyn), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"SYN of a stranger", WEFT_INGRESS, in(f.stranger).tcp(40000, 80, kSyn), kAnswer, WEFT_DROP_DENIED_INGRESS},
            {"bare ACK of a stranger", WEFT_INGRESS, in(f.stranger).tcp(40000, 80, kAck), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"SYN with ACK of a stranger", WEFT_INGRESS, in(f.stranger).tcp(80, 40000, kSyn | kAck), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"reset of a stranger is never answered", WEFT_INGRESS, in(f.stranger).tcp(80, 40000, kRst), kDrop,
             WEFT_DROP_DENIED_INGRESS},
            {"datagram of the client to the served port", WEFT_INGRESS, in(f.client).udp(40000, 53), kPass},
            {"datagram of the client to another port", WEFT_INGRESS, in(f.client).udp(40000, 54), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"TCP rules do not allow UDP", WEFT_INGRESS, in(f.client).udp(40000, 80), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"SCTP of the client to the served port", WEFT_INGRESS, in(f.client).sctp(40000, 7), kPass},
            {"SCTP of the client to another port", WEFT_INGRESS, in(f.client).sctp(40000, 80), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"echo request of the client", WEFT_INGRESS, in(f.client).icmp(f.v6 ? 128 : 8, 0, 3), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"a protocol without ports", WEFT_INGRESS, in(f.client).protocol(47).payload(8), kAnswer,
             WEFT_DROP_DENIED_INGRESS},
            {"SYN out to an allowed port", WEFT_EGRESS, out(f.client).tcp(40000, 8080, kSyn), kPass},
            {"SYN out to another port", WEFT_EGRESS, out(f.client).tcp(40000, 80, kSyn), kAnswer,
             WEFT_DROP_DENIED_EGRESS},
            {"SYN out to a stranger", WEFT_EGRESS, out(f.stranger).tcp(40000, 8080, kSyn), kAnswer,
             WEFT_DROP_DENIED_EGRESS},
            {"datagram out to an allowed port", WEFT_EGRESS, out(f.client).udp(40000, 5000), kPass},
            {"datagram out to another port", WEFT_EGRESS, out(f.client).udp(40000, 53), kAnswer,
             WEFT_DROP_DENIED_EGRESS},
            {"echo request out", WEFT_EGRESS, out(f.client).icmp(f.v6 ? 128 : 8, 0, 3), kAnswer,
             WEFT_DROP_DENIED_EGRESS},
            {"anything to a pod without policy", WEFT_INGRESS, f.ip(f.stranger, f.free).tcp(1, 2, kSyn), kPass},
            {"anything from a pod without policy", WEFT_EGRESS, f.ip(f.free, f.stranger).udp(1, 2), kPass},
        });
  }
}

TEST_CASE("answers of conversations pass, and only those") {
  PodWorld world;
  for (const auto& f : kFamilies) {
    judge(world, {
                     {"an answer before its question", WEFT_INGRESS, f.ip(f.client, f.web).udp(5000, 40001), kAnswer,
                      WEFT_DROP_DENIED_INGRESS},
                     {"the question", WEFT_EGRESS, f.ip(f.web, f.client).udp(40001, 5000), kPass},
                     {"its answer", WEFT_INGRESS, f.ip(f.client, f.web).udp(5000, 40001), kPass},
                     {"to another port of the pod", WEFT_INGRESS, f.ip(f.client, f.web).udp(5000, 40002), kAnswer,
                      WEFT_DROP_DENIED_INGRESS},
                     {"from another port of the peer", WEFT_INGRESS, f.ip(f.client, f.web).udp(5001, 40001), kAnswer,
                      WEFT_DROP_DENIED_INGRESS},
                     {"from somebody else", WEFT_INGRESS, f.ip(f.stranger, f.web).udp(5000, 40001), kAnswer,
                      WEFT_DROP_DENIED_INGRESS},
                     {"by another protocol", WEFT_INGRESS, f.ip(f.client, f.web).sctp(5000, 40001), kAnswer,
                      WEFT_DROP_DENIED_INGRESS},
                     {"a question to the pod", WEFT_INGRESS, f.ip(f.client, f.web).udp(40003, 53), kPass},
                     {"its answer", WEFT_EGRESS, f.ip(f.web, f.client).udp(53, 40003), kPass},
                     {"an answer that nobody asked for", WEFT_EGRESS, f.ip(f.web, f.client).udp(53, 40004), kAnswer,
                      WEFT_DROP_DENIED_EGRESS},
                 });
  }
}

TEST_CASE("an ICMP error passes when the pod sent what it quotes") {
  PodWorld world;
  for (const auto& f : kFamilies) {
    auto error = [&](const Packet& quoted) {
      return f.ip(f.stranger, f.web).icmp(f.v6 ? 1 : 3, f.v6 ? 4 : 3).quote(quoted);
    };
    judge(world, {
                     {"before anything was sent", WEFT_INGRESS, error(f.ip(f.web, f.client).udp(40001, 5000)), kDrop,
                      WEFT_DROP_DENIED_INGRESS},
                     {"a datagram out", WEFT_EGRESS, f.ip(f.web, f.client).udp(40001, 5000), kPass},
                     {"the error about it, of a router on the way", WEFT_INGRESS,
                      error(f.ip(f.web, f.client).udp(40001, 5000)), kPass},
                     {"quotes another port", WEFT_INGRESS, error(f.ip(f.web, f.client).udp(40002, 5000)), kDrop,
                      WEFT_DROP_DENIED_INGRESS},
                     {"quotes a packet of somebody else", WEFT_INGRESS, error(f.ip(f.client, f.web).udp(40001, 5000)),
                      kDrop, WEFT_DROP_DENIED_INGRESS},
                     {"quotes a connection that is not there", WEFT_INGRESS,
                      error(f.ip(f.web, f.client).tcp(40001, 8080, kSyn)), kDrop, WEFT_DROP_DENIED_INGRESS},
                     {"quotes nothing", WEFT_INGRESS, f.ip(f.stranger, f.web).icmp(f.v6 ? 1 : 3, 3), kDrop,
                      WEFT_DROP_DENIED_INGRESS},
                 });
  }
}

TEST_CASE("a pod sends from its own addresses only") {
  PodWorld world;
  for (const auto& f : kFamilies)
    judge(world, {
                     {"its own", WEFT_EGRESS, f.ip(f.web, f.client).tcp(40000, 8080, kSyn), kPass},
                     {"of another pod", WEFT_EGRESS, f.ip(f.client, f.stranger).tcp(40000, 8080, kSyn), kDrop,
                      WEFT_DROP_SOURCE},
                     {"of nobody", WEFT_EGRESS, f.ip(f.stranger, f.client).udp(1, 2), kDrop, WEFT_DROP_SOURCE},
                     {"to itself, with the source of another", WEFT_EGRESS, f.ip(f.client, f.web).udp(1, 2), kDrop,
                      WEFT_DROP_SOURCE},
                     {"arrives with the pod's own address", WEFT_INGRESS, f.ip(f.web, f.web).tcp(80, 80, kSyn), kDrop,
                      WEFT_DROP_LAND},
                 });
  judge(world,
        {
            {"ARP from its own address", WEFT_EGRESS, Packet().arp("10.1.0.1"), kPass},
            {"ARP probe", WEFT_EGRESS, Packet().arp("0.0.0.0"), kPass},
            {"ARP from another's address", WEFT_EGRESS, Packet().arp("10.1.0.2"), kDrop, WEFT_DROP_SOURCE},
            {"ARP to the pod", WEFT_INGRESS, Packet().arp("10.1.0.2"), kPass},
            {"ARP cut short", WEFT_EGRESS, Packet().arp("10.1.0.1").cut(30), kDrop, WEFT_DROP_MALFORMED},
            {"neighbour solicitation, link-local", WEFT_EGRESS,
             Packet().ipv6("fe80::1", "ff02::1").icmp(135, 0).neighbour_target("fd00::2"), kPass},
            {"duplicate address detection", WEFT_EGRESS,
             Packet().ipv6("::", "ff02::1").icmp(135, 0).neighbour_target("fd00::1"), kPass},
            {"advertisement of its own address", WEFT_EGRESS,
             Packet().ipv6("fd00::1", "fd00::2").icmp(136, 0).neighbour_target("fd00::1"), kPass},
            {"advertisement of another's address", WEFT_EGRESS,
             Packet().ipv6("fd00::1", "fd00::2").icmp(136, 0).neighbour_target("fd00::2"), kDrop, WEFT_DROP_SOURCE},
            {"advertisement of another's address, link-local", WEFT_EGRESS,
             Packet().ipv6("fe80::1", "fd00::2").icmp(136, 0).neighbour_target("fd00::2"), kDrop, WEFT_DROP_SOURCE},
            {"advertisement cut short", WEFT_EGRESS, Packet().ipv6("fd00::1", "fd00::2").icmp(136, 0), kDrop,
             WEFT_DROP_SOURCE},
            {"data from a link-local address", WEFT_EGRESS, Packet().ipv6("fe80::1", "fd00::2").udp(1, 2), kDrop,
             WEFT_DROP_SOURCE},
            {"a mapped IPv4 address as IPv6 source", WEFT_EGRESS, Packet().ipv6("::ffff:10.1.0.1", "fd00::2").udp(1, 2),
             kDrop, WEFT_DROP_MALFORMED},
            {"a mapped IPv4 address as IPv6 destination", WEFT_EGRESS,
             Packet().ipv6("fd00::1", "::ffff:10.1.0.2").tcp(1, 8080, kSyn), kDrop, WEFT_DROP_MALFORMED},
            {"another ethertype from the pod", WEFT_EGRESS, Packet().ethertype(0x88cc).payload(30), kDrop,
             WEFT_DROP_PROTOCOL},
            {"another ethertype to the pod", WEFT_INGRESS, Packet().ethertype(0x88cc).payload(30), kPass},
        });
}

TEST_CASE("the node itself always reaches its pods, and others with a like address do not") {
  PodWorld world;
  judge(world,
        {
            {"probe of the node", WEFT_INGRESS, Packet().ipv4("192.0.2.1", "10.1.0.1").tcp(40000, 9999, kSyn), kPass},
            {"echo request of the node", WEFT_INGRESS, Packet().ipv4("192.0.2.1", "10.1.0.1").icmp(8, 0, 3), kPass},
            {"answer to the node", WEFT_EGRESS, Packet().ipv4("10.1.0.1", "192.0.2.1").icmp(0, 0, 3), kPass},
            {"of its own accord to the node", WEFT_EGRESS, Packet().ipv4("10.1.0.1", "192.0.2.1").udp(1, 2), kAnswer,
             WEFT_DROP_DENIED_EGRESS},
            {"another address of the network", WEFT_INGRESS,
             Packet().ipv4("192.0.2.2", "10.1.0.1").tcp(40000, 9999, kSyn), kAnswer, WEFT_DROP_DENIED_INGRESS},
        });
}

TEST_CASE("fragments share the fate of their first one") {
  PodWorld world;
  constexpr std::uint16_t kMore = 0x2000;
  auto v4 = [](const char* from, std::uint16_t fragment) { return Packet().ipv4(from, "10.1.0.1", 0, fragment); };
  judge(
      world,
      {
          {"a later one first", WEFT_INGRESS, v4("10.1.0.2", 2).protocol(17).payload(16), kDrop, WEFT_DROP_FRAGMENT},
          {"an allowed first one", WEFT_INGRESS, v4("10.1.0.2", kMore).udp(40000, 53).payload(8), kPass},
          {"its later one", WEFT_INGRESS, v4("10.1.0.2", 2).protocol(17).payload(16), kPass},
          {"of another sender", WEFT_INGRESS, v4("10.1.0.3", 2).protocol(17).payload(16), kDrop, WEFT_DROP_FRAGMENT},
          {"of another protocol", WEFT_INGRESS, v4("10.1.0.2", 2).protocol(132).payload(16), kDrop, WEFT_DROP_FRAGMENT},
          {"a denied first one", WEFT_INGRESS, v4("10.1.0.3", kMore).udp(40000, 53).payload(8), kAnswer,
           WEFT_DROP_DENIED_INGRESS},
          {"its later one", WEFT_INGRESS, v4("10.1.0.3", 2).protocol(17).payload(16), kDrop, WEFT_DROP_FRAGMENT},
          {"overwrites TCP flags", WEFT_INGRESS, v4("10.1.0.2", 1).protocol(6).payload(16), kDrop, WEFT_DROP_MALFORMED},
          {"a first one too short for its ports", WEFT_INGRESS, v4("10.1.0.2", kMore).protocol(17).payload(3), kDrop,
           WEFT_DROP_MALFORMED},
          {"to a pod without policy", WEFT_INGRESS,
           Packet().ipv4("10.1.0.3", "10.1.0.9", 0, 2).protocol(17).payload(16), kPass},
      });
  auto v6 = [](const char* from, std::uint16_t fragment) { return Packet().ipv6(from, "fd00::1").fragment6(fragment); };
  judge(world,
        {
            {"a later one first", WEFT_INGRESS, v6("fd00::2", 16).protocol(17).payload(16), kDrop, WEFT_DROP_FRAGMENT},
            {"an allowed first one", WEFT_INGRESS, v6("fd00::2", 1).udp(40000, 53).payload(8), kPass},
            {"its later one", WEFT_INGRESS, v6("fd00::2", 16).protocol(17).payload(16), kPass},
            {"of another sender", WEFT_INGRESS, v6("fd00::3", 16).protocol(17).payload(16), kDrop, WEFT_DROP_FRAGMENT},
            {"a denied first one", WEFT_INGRESS, v6("fd00::3", 1).udp(40000, 53).payload(8), kDrop,
             WEFT_DROP_DENIED_INGRESS},
            {"an atomic one", WEFT_INGRESS, v6("fd00::2", 0).udp(40000, 53), kPass},
        });
}

TEST_CASE("headers are walked, and what cannot be read is dropped") {
  PodWorld world;
  for (unsigned options = 0; options <= 40; options += 4) {
    INFO(options << " bytes of options");
    judge(world,
          {
              {"allowed", WEFT_INGRESS, Packet().ipv4("10.1.0.2", "10.1.0.1", options).tcp(40000, 80, kSyn), kPass},
              {"denied", WEFT_INGRESS, Packet().ipv4("10.1.0.2", "10.1.0.1", options).tcp(40000, 81, kSyn),
               options ? kDrop : kAnswer, WEFT_DROP_DENIED_INGRESS},
          });
  }
  for (unsigned deep = 1; deep <= 12; ++deep) {
    INFO(deep << " extension headers");
    for (auto type : {std::uint8_t{0}, std::uint8_t{43}, std::uint8_t{60}}) {
      auto packet = [&](std::uint16_t port) {
        return Packet().ipv6("fd00::2", "fd00::1").extension(type, deep).tcp(40000, port, kSyn);
      };
      bool walked = deep <= 8;
      judge(world,
            {
                {"allowed", WEFT_INGRESS, packet(80), walked ? kPass : kDrop, walked ? kNoReason : WEFT_DROP_HEADERS},
                {"denied", WEFT_INGRESS, packet(81), kDrop, walked ? WEFT_DROP_DENIED_INGRESS : WEFT_DROP_HEADERS},
            });
    }
  }
  auto whole = Packet().ipv4("10.1.0.2", "10.1.0.1").tcp(40000, 80, kSyn);
  for (std::size_t size = 34; size < 48; ++size) {  // test runs take no packet without a whole IP header
    INFO("IPv4 cut to " << size);
    judge(world, {{"cut", WEFT_INGRESS, Packet(whole).cut(size), kDrop, WEFT_DROP_MALFORMED}});
  }
  auto whole6 = Packet().ipv6("fd00::2", "fd00::1").tcp(40000, 80, kSyn);
  for (std::size_t size = 54; size < 68; ++size) {
    INFO("IPv6 cut to " << size);
    judge(world, {{"cut", WEFT_INGRESS, Packet(whole6).cut(size), kDrop, WEFT_DROP_MALFORMED}});
  }
  judge(world, {
                   {"IPv4 that says 6", WEFT_INGRESS, Packet(whole).poke(14, 0x65), kDrop, WEFT_DROP_MALFORMED},
                   {"a header length below 20", WEFT_INGRESS, Packet(whole).poke(14, 0x44), kDrop, WEFT_DROP_MALFORMED},
                   {"IPv6 that says 4", WEFT_INGRESS, Packet(whole6).poke(14, 0x40), kDrop, WEFT_DROP_MALFORMED},
               });
}

std::uint32_t internet_sum(const std::vector<std::uint8_t>& bytes, std::size_t from, std::size_t to,
                           std::uint32_t sum = 0) {
  for (std::size_t i = from; i < to; i += 2) sum += static_cast<std::uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return sum;
}

TEST_CASE("a denied SYN comes back as the reset that its sender expects") {
  PodWorld world;
  REQUIRE(world.run(WEFT_INGRESS, Packet().ipv4("10.1.0.3", "10.1.0.1").tcp(40000, 80, kSyn).payload(100)) == kAnswer);
  const auto& out = world.out;
  REQUIRE(out.size() == 54);
  CHECK(out[0] == 2);
  CHECK(out[5] == 2);  // the link addresses are swapped
  CHECK(std::vector<std::uint8_t>(out.begin() + 26, out.begin() + 34) ==
        std::vector<std::uint8_t>{10, 1, 0, 1, 10, 1, 0, 3});
  CHECK((out[34] << 8 | out[35]) == 80);
  CHECK((out[36] << 8 | out[37]) == 40000);
  CHECK(out[47] == (kRst | kAck));
  CHECK((out[42] << 24 | out[43] << 16 | out[44] << 8 | out[45]) == 1 + 1 + 100);  // SYN and payload are acknowledged
  CHECK(internet_sum(out, 14, 34) == 0xffff);                                      // IPv4 header
  CHECK(internet_sum(out, 34, 54, internet_sum(out, 26, 34) + 6 + 20) == 0xffff);  // TCP with its pseudo header
}

TEST_CASE("a denied datagram comes back as the error that its sender expects, and not too often") {
  PodWorld world;
  auto denied = Packet().ipv4("10.1.0.3", "10.1.0.1").udp(40000, 53).payload(100);
  auto quoted = denied.bytes();
  REQUIRE(world.run(WEFT_INGRESS, denied) == kAnswer);
  auto out = world.out;
  REQUIRE(out.size() == 14 + 20 + 8 + 28);
  CHECK(out[5] == 2);  // the link addresses are swapped
  CHECK(std::vector<std::uint8_t>(out.begin() + 26, out.begin() + 36) ==
        std::vector<std::uint8_t>{10, 1, 0, 1, 10, 1, 0, 3, 3, 13});
  CHECK(std::equal(out.begin() + 42, out.end(), quoted.begin() + 14));
  CHECK(internet_sum(out, 14, 34) == 0xffff);
  CHECK(internet_sum(out, 34, out.size()) == 0xffff);
  CHECK(world.run(WEFT_INGRESS, denied) == kDrop);  // within the pace

  denied = Packet().ipv6("fd00::3", "fd00::1").udp(40000, 53).payload(1);
  quoted = denied.bytes();
  quoted.resize(14 + 48);
  REQUIRE(world.run(WEFT_INGRESS, denied) == kAnswer);
  out = world.out;
  REQUIRE(out.size() == 14 + 40 + 8 + 48);
  CHECK(out[20] == 58);
  CHECK(out[54] == 1);
  CHECK(out[55] == 1);
  CHECK(std::equal(out.begin() + 62, out.end(), quoted.begin() + 14));
  CHECK(internet_sum(out, 54, out.size(), internet_sum(out, 22, 54) + 58 + 56) == 0xffff);
}

TEST_CASE("a connection's packets are judged by who opened it, as the pod's sockets know") {
  OwnNamespace net({"10.1.0.1", "10.1.0.2", "10.1.0.3"});
  PodWorld world;
  Connection called("10.1.0.1", "10.1.0.2", 8080);  // by the pod: its egress rules allow it, its ingress rules do not
  auto from_server = [&](std::uint8_t flags) {
    return Packet().ipv4("10.1.0.2", "10.1.0.1").tcp(8080, called.port, flags);
  };
  auto error = [](const Packet& quoted) { return Packet().ipv4("10.1.0.3", "10.1.0.1").icmp(3, 4).quote(quoted); };
  judge(world,
        {
            {"an answer of the server", WEFT_INGRESS, from_server(kAck), kPass},
            {"a SYN from there is no answer", WEFT_INGRESS, from_server(kSyn), kAnswer, WEFT_DROP_DENIED_INGRESS},
            {"another port of the pod", WEFT_INGRESS,
             Packet().ipv4("10.1.0.2", "10.1.0.1").tcp(8080, called.port ^ 1, kAck), kAnswer, WEFT_DROP_DENIED_INGRESS},
            {"an error about the connection", WEFT_INGRESS,
             error(Packet().ipv4("10.1.0.1", "10.1.0.2").tcp(called.port, 8080, kAck)), kPass},
            {"an error about another", WEFT_INGRESS,
             error(Packet().ipv4("10.1.0.1", "10.1.0.2").tcp(called.port ^ 1, 8080, kAck)), kDrop,
             WEFT_DROP_DENIED_INGRESS},
        });
  Connection served("10.1.0.2", "10.1.0.1", 80);  // by the client: the pod's egress rules do not allow its port
  auto answer = [&](std::uint16_t from, std::uint8_t flags) {
    return Packet().ipv4("10.1.0.1", "10.1.0.2").tcp(from, served.port, flags);
  };
  judge(world, {
                   {"an answer of the pod", WEFT_EGRESS, answer(80, kAck), kPass},
                   {"a cookie answer of the listener", WEFT_EGRESS,
                    Packet().ipv4("10.1.0.1", "10.1.0.2").tcp(80, 9, kSyn | kAck), kPass},
                   {"to a stranger, as if it had asked", WEFT_EGRESS,
                    Packet().ipv4("10.1.0.1", "10.1.0.3").tcp(80, 9, kSyn | kAck), kAnswer, WEFT_DROP_DENIED_EGRESS},
                   {"from a port that serves nobody", WEFT_EGRESS, answer(81, kAck), kAnswer, WEFT_DROP_DENIED_EGRESS},
                   {"a refusal of what policy let through", WEFT_EGRESS,
                    Packet().ipv4("10.1.0.1", "10.1.0.2").tcp(80, 9, kRst | kAck), kPass},
               });
}

}  // namespace weft::test