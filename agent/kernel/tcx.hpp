// The tcx hooks of interfaces (Linux 6.6) by the bpf() system call: this libbpf does not know them yet.
#pragma once

#include <bpf/bpf.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "agent/base/fd.hpp"

namespace weft {

bool kernel_has_tcx();

// Before all other programs of the hook. errno tells why not.
Fd create_tcx_link(int program, std::uint32_t interface, bpf_attach_type type);

struct AttachedProgram {
  std::uint32_t program = 0, link = 0;
};
// Programs on a hook in the order in which they run; nothing, and errno, when it cannot be told.
std::optional<std::vector<AttachedProgram>> query_tcx(std::uint32_t interface, bpf_attach_type type);

// What a link to an interface says about itself.
struct InterfaceLinkInfo {
  std::uint32_t id = 0, program = 0, interface = 0;  // interface 0: it is gone, or the link was detached
};
std::optional<InterfaceLinkInfo> interface_link_info(int fd);

}  // namespace weft
