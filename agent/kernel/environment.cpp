#include "agent/kernel/environment.hpp"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/vfs.h>

#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif
#ifndef BPF_FS_MAGIC
#define BPF_FS_MAGIC 0xcafe4a11
#endif

namespace weft {
namespace {

struct Capability {
  int bit;
  const char* name;
};
constexpr int kLockLooks = 100;  // for an agent that was killed a moment ago: 5 s in all
constexpr std::chrono::milliseconds kLockPace{50};
constexpr std::array<Capability, 3> kNeeded{{{39, "CAP_BPF"}, {12, "CAP_NET_ADMIN"}, {38, "CAP_PERFMON"}}};

bool on_bpffs(const std::filesystem::path& path) {
  struct statfs info{};
  return ::statfs(path.c_str(), &info) == 0 && static_cast<std::uint32_t>(info.f_type) == BPF_FS_MAGIC;
}

Result<> make_pin_directory(const std::filesystem::path& path) {
  auto parent = path.parent_path();
  if (!on_bpffs(parent))
    return fail("datapath.bpffs: " + parent.string() +
                " is not on a bpf file system; mount one: mount -t bpf bpf /sys/fs/bpf");
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    return fail_errno(errno, "datapath.bpffs: cannot create " + path.string());
  return {};
}

Result<> check_opened(const Fd& directory, const std::filesystem::path& path, uid_t owner) {
  struct stat info{};
  if (::fstat(directory.get(), &info) != 0) return fail_errno(errno, "datapath.bpffs: " + path.string());
  if (info.st_uid != owner)
    return fail(EPERM, "datapath.bpffs: " + path.string() + " belongs to user " + std::to_string(info.st_uid) +
                           ", not to us; remove it or choose another directory");
  if ((info.st_mode & 0777) != 0700)
    return fail(EPERM, "datapath.bpffs: " + path.string() + " lets others in; chmod 0700 it");
  struct statfs fs{};
  if (::fstatfs(directory.get(), &fs) != 0 || static_cast<std::uint32_t>(fs.f_type) != BPF_FS_MAGIC)
    return fail("datapath.bpffs: " + path.string() +
                " is not on a bpf file system; mount one: mount -t bpf bpf /sys/fs/bpf");
  return {};
}

Result<Fd> open_directory(const std::filesystem::path& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory) return directory;
  if (errno == ELOOP || errno == ENOTDIR)
    return fail(errno, "datapath.bpffs: " + path.string() + " is a symbolic link or no directory; remove it");
  return fail_errno(errno, "datapath.bpffs: " + path.string());
}

// The process that holds a flock on this inode, from /proc/locks (proc(5)); 0 when unknown.
int lock_holder(const Fd& directory) {
  struct stat info{};
  if (::fstat(directory.get(), &info) != 0) return 0;
  std::ifstream locks("/proc/locks");
  std::string line;
  while (std::getline(locks, line)) {
    std::istringstream fields(line);
    std::string number, type, mode, access, inode;
    int pid = 0;
    if (!(fields >> number >> type >> mode >> access >> pid >> inode) || type != "FLOCK") continue;
    auto colon = inode.rfind(':');
    if (colon != std::string::npos && inode.substr(colon + 1) == std::to_string(info.st_ino)) return pid;
  }
  return 0;
}

// False for a process that was killed and still gives its memory back: its lock goes in a moment.
bool is_running(int pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  std::getline(in, line);
  auto name_end = line.rfind(')');
  if (name_end == std::string::npos || name_end + 2 >= line.size()) return false;
  char state = line[name_end + 2];
  return state != 'Z' && state != 'X';
}

}  // namespace

Result<std::filesystem::path> find_cgroup2() {
  std::ifstream mounts("/proc/self/mountinfo");
  std::string line;
  while (std::getline(mounts, line)) {
    auto dash = line.find(" - ");
    if (dash == std::string::npos || line.compare(dash + 3, 8, "cgroup2 ") != 0) continue;
    std::istringstream fields(line);
    std::string id, parent, device, root, mount_point;
    fields >> id >> parent >> device >> root >> mount_point;
    return std::filesystem::path(mount_point);
  }
  return fail("no cgroup v2 is mounted; mount one: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

Result<Fd> open_cgroup2(const std::filesystem::path& path) {
  Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return fail_errno(errno, "datapath.cgroup: " + path.string());
  struct statfs info{};
  if (::fstatfs(directory.get(), &info) == 0 && info.f_type == CGROUP2_SUPER_MAGIC) return directory;
  auto found = find_cgroup2();
  return fail("datapath.cgroup: " + path.string() + " is not cgroup v2; " +
              (found ? "set it to " + found->string() + " or a directory below" : found.error().what));
}

Result<> check_capabilities() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("CapEff:", 0) != 0) continue;
    auto effective = std::stoull(line.substr(7), nullptr, 16);
    for (const auto& need : kNeeded)
      if ((effective >> need.bit & 1) == 0)
        return fail(EPERM, std::string(need.name) +
                               " is missing: run weftd by its systemd unit, or as root, or grant " +
                               "CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON");
    return {};
  }
  return fail("/proc/self/status has no CapEff line; is /proc mounted?");
}

Result<> check_btf() {
  Fd btf(::open("/sys/kernel/btf/vmlinux", O_RDONLY | O_CLOEXEC));
  if (!btf)
    return fail(errno,
                "this kernel has no BTF (/sys/kernel/btf/vmlinux); weft needs one built with CONFIG_DEBUG_INFO_BTF, as "
                "distributions do");
  return {};
}

Result<Fd> open_pin_directory(const std::filesystem::path& path) {
  WEFT_TRY(make_pin_directory(path));
  auto directory = WEFT_TRY(open_directory(path));
  WEFT_TRY(check_opened(directory, path, ::geteuid()));
  for (const char* part : {"maps", "links", "progs"}) {
    if (::mkdirat(directory.get(), part, 0700) != 0 && errno != EEXIST)
      return fail_errno(errno, "datapath.bpffs: cannot create " + (path / part).string());
  }
  return directory;
}

Result<> check_pin_directory(const std::filesystem::path& path, uid_t owner) {
  auto directory = WEFT_TRY(open_directory(path));
  return check_opened(directory, path, owner);
}

Result<> lock_pin_directory(const Fd& directory, const std::filesystem::path& path) {
  int pid = 0;
  for (int look = 0; look < kLockLooks; ++look) {
    if (::flock(directory.get(), LOCK_EX | LOCK_NB) == 0) return {};
    if (errno != EWOULDBLOCK) return fail_errno(errno, "lock " + path.string());
    pid = lock_holder(directory);
    if (pid > 0 && is_running(pid)) break;
    std::this_thread::sleep_for(kLockPace);
  }
  return fail(EBUSY, "another weftd" + (pid > 0 ? " (pid " + std::to_string(pid) + ")" : std::string()) +
                         " already runs on " + path.string() +
                         "; stop it, or give this one its own datapath.bpffs, cgroup and state directory");
}

Result<std::uint64_t> netns_cookie() {
  Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  std::uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (!socket || ::getsockopt(socket.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0)
    return fail_errno(errno, "cookie of the network namespace (SO_NETNS_COOKIE, Linux 5.14)");
  return cookie;
}

Result<unsigned> possible_cpus() {
  auto count = ::libbpf_num_possible_cpus();
  if (count <= 0) return fail_errno(-count, "number of processors");
  return static_cast<unsigned>(count);
}

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "unknown";
}

}  // namespace weft
