#include "agent/api/listen.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>
#include <filesystem>

#include "agent/base/address.hpp"

namespace weft {
namespace {

constexpr int kBacklog = 128;

Result<sockaddr_un> unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return fail(ENAMETOOLONG,
                fmt::format("api.socket {}: a socket path has 1 to {} bytes", path, sizeof address.sun_path - 1));
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

const sockaddr* generic(const sockaddr_un& address) { return reinterpret_cast<const sockaddr*>(&address); }

// Two agents that start at the same time take turns here, so that the second finds the first listening.
Result<Fd> lock_directory(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path();
  std::error_code ignored;
  std::filesystem::create_directory(directory, ignored);
  Fd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + directory.string());
  if (::flock(fd.get(), LOCK_EX) != 0) return fail_errno(errno, "lock " + directory.string());
  return fd;
}

// Says who answers on the socket, or removes the file that nobody answers on.
Result<> clear_way(const std::string& path, const sockaddr_un& address) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode))
    return fail(EEXIST, path + " exists and is no socket: remove it or set another api.socket");
  Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return fail_errno(errno, "socket");
  bool answered = ::connect(probe.get(), generic(address), sizeof address) == 0;
  if (answered || errno == EAGAIN) {
    auto peer = unix_peer(probe.get());
    auto who = peer && peer->pid > 0 ? fmt::format("process {}", peer->pid) : std::string("another process");
    return fail(EADDRINUSE,
                fmt::format("{} listens on {} already: stop it, or give this agent another api.socket", who, path));
  }
  if (errno != ECONNREFUSED) return fail_errno(errno, "connect to " + path);
  if (::unlink(path.c_str()) != 0) return fail_errno(errno, "remove the stale " + path);
  return {};
}

std::string give_to_group(const std::string& path, const std::string& group) {
  if (group.empty()) return {};
  std::vector<char> storage(16384);
  struct group entry{};
  struct group* found = nullptr;
  ::getgrnam_r(group.c_str(), &entry, storage.data(), storage.size(), &found);
  if (found == nullptr)
    return fmt::format("api.group {}: there is no such group; only root and the agent may read {}", group, path);
  if (::chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0)
    return fmt::format("api.group {}: may not give {} to it: {}", group, path, std::strerror(errno));
  return {};
}

}  // namespace

std::optional<Peer> unix_peer(int fd) {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return std::nullopt;
  return Peer{credentials.pid, credentials.uid};
}

Result<UnixListener> listen_unix(const std::string& path, const std::string& group) {
  auto address = WEFT_TRY(unix_address(path));
  auto lock = WEFT_TRY(lock_directory(path));
  WEFT_TRY(clear_way(path, address));
  UnixListener listener;
  listener.fd = Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd) return fail_errno(errno, "socket");
  if (::bind(listener.fd.get(), generic(address), sizeof address) != 0) return fail_errno(errno, "bind " + path);
  // Nobody can connect before listen(), so mode and group are right from the first connection on.
  if (::chmod(path.c_str(), 0660) != 0) return fail_errno(errno, "chmod " + path);
  if (auto warning = give_to_group(path, group); !warning.empty()) listener.warnings.push_back(std::move(warning));
  if (::listen(listener.fd.get(), kBacklog) != 0) return fail_errno(errno, "listen on " + path);
  struct stat made{};
  if (::stat(path.c_str(), &made) != 0) return fail_errno(errno, "stat " + path);
  listener.device = made.st_dev;
  listener.inode = made.st_ino;
  return listener;
}

void remove_socket(const std::string& path, const UnixListener& listener) {
  struct stat found{};
  if (::lstat(path.c_str(), &found) != 0) return;
  if (found.st_dev == listener.device && found.st_ino == listener.inode) ::unlink(path.c_str());
}

Result<Fd> listen_tcp(const std::string& text) {
  auto where = WEFT_TRY(SocketAddress::parse(text));
  bool v4 = where.address.is_v4();
  Fd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "socket");
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in in4{AF_INET, htons(where.port), {}, {}};
  sockaddr_in6 in6{AF_INET6, htons(where.port), 0, {}, 0};
  std::memcpy(&in4.sin_addr, where.address.bytes.data() + 12, 4);
  std::memcpy(&in6.sin6_addr, where.address.bytes.data(), 16);
  auto* address = v4 ? reinterpret_cast<sockaddr*>(&in4) : reinterpret_cast<sockaddr*>(&in6);
  if (::bind(fd.get(), address, v4 ? sizeof in4 : sizeof in6) != 0) return fail_errno(errno, "listen on " + text);
  if (::listen(fd.get(), kBacklog) != 0) return fail_errno(errno, "listen on " + text);
  return fd;
}

std::uint16_t local_port(int fd) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return address.ss_family == AF_INET ? ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port)
                                      : ntohs(reinterpret_cast<sockaddr_in6*>(&address)->sin6_port);
}

}  // namespace weft
