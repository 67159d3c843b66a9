// Listening sockets: the agent's unix socket with its owner, group and mode, and plain TCP.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"

namespace weft {

struct UnixListener {
  Fd fd;
  std::vector<std::string> warnings;
  dev_t device = 0;  // of the socket file, to know it again
  ino_t inode = 0;
};

// Mode 0660, group `group` when it exists and we may give the file to it. A socket file that nobody listens on is
// replaced; EADDRINUSE names the process that does.
Result<UnixListener> listen_unix(const std::string& path, const std::string& group);

// Removes the socket file if it is still the one that we made.
void remove_socket(const std::string& path, const UnixListener& listener);

// "127.0.0.1:9690", "[::1]:9690"; port 0 for any.
Result<Fd> listen_tcp(const std::string& address);
std::uint16_t local_port(int fd);

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
};
std::optional<Peer> unix_peer(int fd);  // SO_PEERCRED

}  // namespace weft
