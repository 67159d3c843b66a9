// What rtnetlink says about the interfaces of pods, from bytes that are built, cut and random, and from this kernel.
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <catch2/catch.hpp>
#include <random>

#include "agent/kernel/pod_interfaces.hpp"

namespace weft::test {
namespace {

using Buffer = std::vector<std::byte>;

Buffer bytes_of(const void* data, std::size_t size) {
  auto* first = static_cast<const std::byte*>(data);
  return {first, first + size};
}

Buffer padded(Buffer buffer) {
  buffer.resize(netlink_aligned(buffer.size()));
  return buffer;
}

Buffer operator+(Buffer a, const Buffer& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Buffer attribute(std::uint16_t type, const Buffer& value) {
  nlattr header{static_cast<__u16>(sizeof header + value.size()), type};
  return padded(bytes_of(&header, sizeof header) + value);
}

template <class T>
Buffer number(std::uint16_t type, T value) {
  return attribute(type, bytes_of(&value, sizeof value));
}

Buffer text(std::uint16_t type, const std::string& value) {
  return attribute(type, bytes_of(value.c_str(), value.size() + 1));
}

Buffer message(std::uint16_t type, const Buffer& payload) {
  nlmsghdr header{static_cast<__u32>(sizeof header + payload.size()), type, 0, 0, 0};
  return padded(bytes_of(&header, sizeof header) + payload);
}

Buffer veth(std::uint16_t type, int index, const std::string& name, int peer, int netns_id,
            unsigned char family = AF_UNSPEC) {
  ifinfomsg head{};
  head.ifi_family = family;
  head.ifi_index = index;
  auto payload = bytes_of(&head, sizeof head) + text(IFLA_IFNAME, name) + number(IFLA_LINK, peer) +
                 attribute(IFLA_LINKINFO | NLA_F_NESTED, text(IFLA_INFO_KIND, "veth"));
  return message(type, netns_id < 0 ? payload : payload + number(IFLA_LINK_NETNSID, netns_id));
}

Buffer address(std::uint16_t type, unsigned interface, const char* text_form) {
  auto parsed = IpAddress::parse(text_form).value();
  ifaddrmsg head{};
  head.ifa_family = parsed.is_v4() ? AF_INET : AF_INET6;
  head.ifa_index = interface;
  auto raw = bytes_of(parsed.bytes.data() + (parsed.is_v4() ? 12 : 0), parsed.is_v4() ? 4 : 16);
  return message(type, bytes_of(&head, sizeof head) + attribute(IFA_ADDRESS, raw));
}

IpAddress ip(const char* text_form) { return IpAddress::parse(text_form).value(); }

TEST_CASE("a veth whose other half is elsewhere is found with its namespace and addresses") {
  InterfaceTable table;
  REQUIRE(table.apply(veth(RTM_NEWLINK, 7, "v7", 2, 5), kOwnNamespace));
  REQUIRE(table.interfaces().at(7) == PodInterface{"v7", 5, 2});
  CHECK(table.take_unread_namespaces() == std::set<std::int32_t>{5});
  CHECK(table.take_unread_namespaces().empty());
  table.apply(address(RTM_NEWADDR, 2, "10.88.0.2") + address(RTM_NEWADDR, 2, "fd00::2"), 5);
  CHECK(table.addresses(5) == InterfaceTable::Addresses{{2, ip("10.88.0.2")}, {2, ip("fd00::2")}});
  table.apply(address(RTM_DELADDR, 2, "10.88.0.2"), 5);
  CHECK(table.addresses(5) == InterfaceTable::Addresses{{2, ip("fd00::2")}});
  table.apply(veth(RTM_DELLINK, 7, "v7", 2, 5), kOwnNamespace);
  CHECK(table.interfaces().empty());
  CHECK(table.addresses(5).empty());
}

TEST_CASE("addresses and links of namespaces that no interface leads to are not kept") {
  InterfaceTable table;
  table.apply(address(RTM_NEWADDR, 2, "10.88.0.2"), 9);
  CHECK(table.addresses(9).empty());
  table.apply(veth(RTM_NEWLINK, 7, "v7", 2, 5), 9);
  CHECK(table.interfaces().empty());
}

TEST_CASE("a port that leaves its bridge is not gone") {
  InterfaceTable table;
  table.apply(veth(RTM_NEWLINK, 7, "v7", 2, 5), kOwnNamespace);
  table.apply(veth(RTM_DELLINK, 7, "v7", 2, 5, AF_BRIDGE), kOwnNamespace);
  CHECK(table.interfaces().contains(7));
}

TEST_CASE("when the other half leaves our namespace, ours is asked for again") {
  InterfaceTable table;
  table.apply(veth(RTM_NEWLINK, 7, "v7", 8, -1) + veth(RTM_NEWLINK, 8, "p8", 7, -1), kOwnNamespace);
  CHECK(table.take_unread_namespaces().empty());
  table.apply(veth(RTM_DELLINK, 8, "p8", 7, -1), kOwnNamespace);
  CHECK(table.take_doubtful_interfaces() == std::set<std::uint32_t>{7});
}

TEST_CASE("a number that another namespace had before is read anew") {
  InterfaceTable table;
  table.apply(veth(RTM_NEWLINK, 7, "v7", 2, 5), kOwnNamespace);
  table.apply(address(RTM_NEWADDR, 2, "10.88.0.2"), 5);
  table.take_unread_namespaces();
  table.apply(veth(RTM_DELLINK, 7, "v7", 2, 5) + veth(RTM_NEWLINK, 8, "v8", 2, 5), kOwnNamespace);
  CHECK(table.addresses(5).empty());
  CHECK(table.take_unread_namespaces() == std::set<std::int32_t>{5});
}

TEST_CASE("a namespace cannot make us keep addresses without end") {
  InterfaceTable table;
  table.apply(veth(RTM_NEWLINK, 7, "v7", 2, 5), kOwnNamespace);
  for (int i = 0; i < 1000; ++i) table.apply(address(RTM_NEWADDR, 2, ("fd00::" + std::to_string(i)).c_str()), 5);
  CHECK(table.addresses(5).size() == kMostNamespaceAddresses);
}

TEST_CASE("messages that are cut short or lie about their length are refused and read no further") {
  auto whole = veth(RTM_NEWLINK, 7, "v7", 2, 5) + address(RTM_NEWADDR, 2, "10.88.0.2");
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Buffer cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));  // a heap block of exactly this size
    InterfaceTable table;
    table.apply(cut, kOwnNamespace);
    table.apply(cut, 5);
  }
  InterfaceTable table;
  CHECK_FALSE(table.apply(Buffer(whole.begin(), whole.end() - 4), kOwnNamespace));
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    auto damaged = whole;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<std::byte>(random());
    InterfaceTable other;
    other.apply(veth(RTM_NEWLINK, 1, "v1", 2, 5), kOwnNamespace);
    other.apply(damaged, kOwnNamespace);
    other.apply(damaged, 5);
    CHECK(other.interfaces().size() <= 2);
  }
}

TEST_CASE("this kernel's interfaces can be listed") {
  auto interfaces = PodInterfaces::open();
  REQUIRE(interfaces);
  CHECK(interfaces->read_all());
  CHECK(interfaces->on_readable());
}

}  // namespace
}  // namespace weft::test
