// Packets as readable builders: Packet().ipv4("10.1.0.2", "10.1.0.1").tcp(40000, 80, kSyn). Checksums are left zero:
// the programs under test do not look at them.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "agent/base/address.hpp"

namespace weft::test {

inline constexpr std::uint8_t kFin = 1, kSyn = 2, kRst = 4, kAck = 16;

class Packet {
 public:
  Packet() : bytes_{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0} {}

  Packet& ethertype(std::uint16_t type) { return store16(12, type); }
  // `options` bytes of no-operation; `fragment` is the field with its flags (0x2000: more follow).
  Packet& ipv4(const char* source, const char* destination, unsigned options = 0, std::uint16_t fragment = 0) {
    ethertype(0x0800);
    network_ = bytes_.size();
    add({static_cast<std::uint8_t>(0x45 + options / 4), 0, 0, 0, 0, 7});
    add16(fragment);
    add({64, 0, 0, 0});
    add_v4(source);
    add_v4(destination);
    bytes_.insert(bytes_.end(), options, 1);
    next_header_ = network_ + 9;
    return *this;
  }
  Packet& ipv6(const char* source, const char* destination) {
    ethertype(0x86dd);
    network_ = bytes_.size();
    add({0x60, 0, 0, 0, 0, 0, 59, 64});
    add_v6(source);
    add_v6(destination);
    next_header_ = network_ + 6;
    return *this;
  }
  // An IPv6 extension header of 8 bytes: 0, 43 or 60.
  Packet& extension(std::uint8_t type, unsigned times = 1) {
    for (; times > 0; --times) {
      chain(type);
      add({59, 0, 1, 4, 0, 0, 0, 0});
    }
    return *this;
  }
  Packet& fragment6(std::uint16_t offset_and_more) {
    chain(44);
    add({59, 0});
    add16(offset_and_more);
    add({0, 0, 0, 7});
    return *this;
  }
  Packet& tcp(std::uint16_t source, std::uint16_t destination, std::uint8_t flags) {
    chain(6);
    add16(source);
    add16(destination);
    add({0, 0, 0, 1, 0, 0, 0, 9, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0});
    return *this;
  }
  Packet& udp(std::uint16_t source, std::uint16_t destination) { return ports(17, source, destination, 4); }
  Packet& sctp(std::uint16_t source, std::uint16_t destination) { return ports(132, source, destination, 8); }
  Packet& icmp(std::uint8_t type, std::uint8_t code, std::uint16_t id = 0) {
    chain(bytes_[network_] >> 4 == 4 ? 1 : 58);
    add({type, code, 0, 0});
    add16(id);
    add16(1);
    return *this;
  }
  Packet& protocol(std::uint8_t number) {
    chain(number);
    return *this;
  }
  // The packet that an ICMP error quotes, from its network header on.
  Packet& quote(const Packet& other) {
    auto whole = other.bytes();
    bytes_.insert(bytes_.end(), whole.begin() + 14, whole.end());
    return *this;
  }
  Packet& neighbour_target(const char* address) {
    add_v6(address);
    return *this;
  }
  Packet& arp(const char* sender) {
    ethertype(0x0806);
    add({0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2});
    add_v4(sender);
    bytes_.insert(bytes_.end(), 10, 0);
    return *this;
  }
  Packet& payload(std::size_t count) {
    bytes_.insert(bytes_.end(), count, 'x');
    return *this;
  }
  Packet& cut(std::size_t to) {
    bytes_.resize(to);
    return *this;
  }
  Packet& poke(std::size_t at, std::uint8_t value) {
    bytes_[at] = value;
    return *this;
  }

  // With the length fields filled in.
  std::vector<std::uint8_t> bytes() const {
    auto out = bytes_;
    if (network_ == 0 || out.size() < network_ + 20) return out;
    auto length = static_cast<std::uint16_t>(out.size() - network_);
    bool is_v4 = out[network_] >> 4 == 4;
    auto at = network_ + (is_v4 ? 2 : 4);
    if (!is_v4) length = static_cast<std::uint16_t>(length - 40);
    out[at] = static_cast<std::uint8_t>(length >> 8);
    out[at + 1] = static_cast<std::uint8_t>(length);
    return out;
  }

 private:
  Packet& ports(std::uint8_t protocol, std::uint16_t source, std::uint16_t destination, std::size_t rest) {
    chain(protocol);
    add16(source);
    add16(destination);
    bytes_.insert(bytes_.end(), rest, 0);
    return *this;
  }
  void chain(std::uint8_t type) {
    if (next_header_ != 0) bytes_[next_header_] = type;
    next_header_ = type == 0 || type == 43 || type == 44 || type == 60 ? bytes_.size() : 0;
  }
  void add(std::initializer_list<std::uint8_t> bytes) { bytes_.insert(bytes_.end(), bytes); }
  void add16(std::uint16_t value) { add({static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)}); }
  void add_v4(const char* text) {
    auto address = IpAddress::parse(text).value();
    bytes_.insert(bytes_.end(), address.bytes.begin() + 12, address.bytes.end());
  }
  void add_v6(const char* text) {
    in6_addr address{};
    ::inet_pton(AF_INET6, text, &address);
    bytes_.insert(bytes_.end(), address.s6_addr, address.s6_addr + 16);
  }
  Packet& store16(std::size_t at, std::uint16_t value) {
    bytes_[at] = static_cast<std::uint8_t>(value >> 8);
    bytes_[at + 1] = static_cast<std::uint8_t>(value);
    return *this;
  }

  std::vector<std::uint8_t> bytes_;
  std::size_t network_ = 0;
  std::size_t next_header_ = 0;  // where the type of the next header goes; 0: nowhere
};

}  // namespace weft::test
