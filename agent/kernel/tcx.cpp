#include "agent/kernel/tcx.hpp"

#include <net/if.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "agent/kernel/catalog.hpp"

namespace weft {
namespace {

// Parts of union bpf_attr and struct bpf_link_info that the headers of this libbpf do not have yet (Linux 6.6).
struct TcxLinkCreate {
  __u32 program, interface, attach_type, flags, relative, reserved;
  __u64 expected_revision;
};
struct TcxQuery {
  __u32 interface, attach_type, query_flags, attach_flags;
  __u64 programs;
  __u32 count, reserved;
  __u64 program_flags, links, link_flags, revision;
};
struct LinkInfo {
  __u32 type, id, program, reserved, interface;  // the first of what both XDP and tcx links tell
};
static_assert(sizeof(LinkInfo) <= sizeof(bpf_link_info));

constexpr __u32 kBefore = 1U << 3;           // BPF_F_BEFORE: without another program named, before all
constexpr std::uint32_t kMostPrograms = 64;  // BPF_MPROG_MAX

template <class T>
int bpf_call(bpf_cmd command, T& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

}  // namespace

Fd create_tcx_link(int program, std::uint32_t interface, bpf_attach_type type) {
  TcxLinkCreate create{};
  create.program = static_cast<__u32>(program);
  create.interface = interface;
  create.attach_type = static_cast<__u32>(type);
  create.flags = kBefore;
  return Fd(bpf_call(BPF_LINK_CREATE, create));
}

std::optional<InterfaceLinkInfo> interface_link_info(int fd) {
  bpf_link_info whole{};
  __u32 size = sizeof whole;
  if (fd < 0 || ::bpf_obj_get_info_by_fd(fd, &whole, &size) != 0) return std::nullopt;
  LinkInfo info{};
  std::memcpy(&info, &whole, sizeof info);
  return InterfaceLinkInfo{info.id, info.program, info.interface};
}

std::optional<std::vector<AttachedProgram>> query_tcx(std::uint32_t interface, bpf_attach_type type) {
  std::array<__u32, kMostPrograms> programs{}, links{};
  TcxQuery query{};
  query.interface = interface;
  query.attach_type = static_cast<__u32>(type);
  query.programs = reinterpret_cast<std::uintptr_t>(programs.data());
  query.links = reinterpret_cast<std::uintptr_t>(links.data());
  query.count = kMostPrograms;
  if (bpf_call(BPF_PROG_QUERY, query) != 0) return std::nullopt;
  std::vector<AttachedProgram> found;
  for (std::uint32_t i = 0; i < std::min(query.count, kMostPrograms); ++i) found.push_back({programs[i], links[i]});
  return found;
}

bool kernel_has_tcx() {
  auto loopback = ::if_nametoindex("lo");
  return loopback == 0 || query_tcx(loopback, kTcxIngress) || errno != EINVAL;
}

}  // namespace weft
