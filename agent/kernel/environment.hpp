// What this kernel and this process allow: mounts, capabilities, BTF. Each refusal is one line that names the fix.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"

namespace weft {

// Where cgroup v2 is mounted, from /proc/self/mountinfo (proc(5)); hybrid systems have it at /sys/fs/cgroup/unified.
Result<std::filesystem::path> find_cgroup2();

// An open directory of cgroup v2, or why `path` is none and where this machine has one.
Result<Fd> open_cgroup2(const std::filesystem::path& path);

// CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are in the effective set (capabilities(7)), or which one is missing.
Result<> check_capabilities();

// /sys/kernel/btf/vmlinux can be read: CO-RE needs it.
Result<> check_btf();

// Our directory below a bpf file system: made with 0700 when missing; refused when it is a symbolic link, belongs to
// somebody else, lets others in, or lies on another file system. The descriptor is for locking.
Result<Fd> open_pin_directory(const std::filesystem::path& path);

// The same for one that exists and that `owner` will use; changes nothing.
Result<> check_pin_directory(const std::filesystem::path& path, uid_t owner);

// Takes the lock on our pin directory; fails naming the process that holds it.
Result<> lock_pin_directory(const Fd& directory, const std::filesystem::path& path);

// Cookie of this process's network namespace (socket(7), SO_NETNS_COOKIE).
Result<std::uint64_t> netns_cookie();

// Number of possible processors: the width of per-CPU values.
Result<unsigned> possible_cpus();

std::string kernel_release();

}  // namespace weft
