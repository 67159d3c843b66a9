// Sockets, addresses and clocks of weft-peer, the traffic tool of the tests.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::peer {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;

  int family() const { return storage.ss_family; }
  const sockaddr* raw() const { return reinterpret_cast<const sockaddr*>(&storage); }
  std::string host() const;  // without the port
  std::string text() const;  // "192.0.2.1:80" or "[2001:db8::1]:80"
};

// "192.0.2.1:80" or "[2001:db8::1]:80"; port 0 is allowed.
std::optional<Address> parse_address(std::string_view text);
std::vector<Address> parse_addresses(std::string_view comma_separated);

// 192.0.2.1 as ::ffff:192.0.2.1; IPv6 stays as it is.
Address mapped(const Address& address);

std::string errno_name(int error);  // "ECONNREFUSED"
std::uint64_t now_ns();             // CLOCK_MONOTONIC
std::uint64_t now_us();
double cpu_seconds();  // user and system time of this process

bool set_option(int fd, int level, int name, int value);
std::optional<Address> peer_of(int fd);
std::optional<Address> local_of(int fd);

// Set by SIGTERM and SIGINT once install_stop_signals() was called.
bool stop_requested();
void install_stop_signals();

}  // namespace weft::peer
