#include "agent/kernel/uplink_links.hpp"

#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "agent/kernel/object.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/kernel/tcx.hpp"

namespace weft {
namespace {

constexpr int kHookTaken = EBUSY;       // a program of the same mode is there
constexpr int kOtherModeUsed = EEXIST;  // one of another mode

Fd create_xdp_link(int program, std::uint32_t interface, std::uint32_t mode) {
  LIBBPF_OPTS(bpf_link_create_opts, options, .flags = mode);
  return Fd(::bpf_link_create(program, static_cast<int>(interface), BPF_XDP, &options));
}

// The programs look for an Ethernet header.
Result<> require_ethernet(std::uint32_t interface) {
  ifreq request{};
  if (::if_indextoname(interface, request.ifr_name) == nullptr) return fail_errno(ENODEV, "uplink");
  Fd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any || ::ioctl(any.get(), SIOCGIFHWADDR, &request) != 0) return fail_errno(errno, "type of the uplink");
  if (request.ifr_hwaddr.sa_family == ARPHRD_ETHER) return {};
  return fail(EOPNOTSUPP, "the deny list does not act here: this is no Ethernet interface");
}

struct XdpPrograms {
  std::uint32_t driver = 0, generic = 0, hardware = 0;
};

XdpPrograms query_xdp(std::uint32_t interface) {
  LIBBPF_OPTS(bpf_xdp_query_opts, options);
  if (::bpf_xdp_query(static_cast<int>(interface), 0, &options) != 0) return {};
  return {options.drv_prog_id, options.skb_prog_id, options.hw_prog_id};
}

}  // namespace

Result<UplinkLinks> UplinkLinks::adopt(const std::filesystem::path& bpffs) {
  return UplinkLinks(WEFT_TRY(InterfaceHook::adopt(bpffs, kUplinkHooks[0])),
                     WEFT_TRY(InterfaceHook::adopt(bpffs, kUplinkHooks[1])));
}

std::set<std::uint32_t> UplinkLinks::live_maps() const {
  auto maps = xdp_.live_maps();
  maps.merge(tcx_.live_maps());
  return maps;
}

Result<> UplinkLinks::swap(const BpfObject& object) {
  bool available = object.has(Feature::kDenyList);
  for (auto* side : {&xdp_, &tcx_}) {
    if (available)
      WEFT_TRY(side->swap(object.program_fd(side->hook().program)));
    else
      side->drop();
  }
  return {};
}

std::set<std::uint32_t> UplinkLinks::interfaces() const {
  std::set<std::uint32_t> all;
  for (const auto* side : {&xdp_, &tcx_})
    for (const auto& [interface, link] : side->links()) all.insert(interface);
  return all;
}

std::vector<std::string> UplinkLinks::foreign_xdp(std::uint32_t interface) const {
  auto ours = xdp_.find(interface);
  auto found = query_xdp(interface);
  std::vector<std::string> foreign;
  for (auto program : {found.driver, found.generic, found.hardware})
    if (program != 0 && (!ours || program != ours->program)) foreign.push_back(describe_program(program));
  return foreign;
}

Result<> UplinkLinks::attach_xdp(std::uint32_t interface) {
  int first_problem = 0;
  for (auto mode : {XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE}) {
    auto link = create_xdp_link(xdp_.program(), interface, mode);
    if (link) return xdp_.keep(interface, std::move(link));
    if (errno == kHookTaken || errno == kOtherModeUsed) return fail_errno(errno, "another XDP program is there");
    if (first_problem == 0) first_problem = errno;
  }
  without_xdp_[interface] = "no XDP here: " + std::string(std::strerror(first_problem));
  return fail_errno(first_problem, "attach " + xdp_.name_at(interface));
}

Result<bool> UplinkLinks::attach_tcx(std::uint32_t interface) {
  if (tcx_.find(interface)) return tcx_.pin_again(interface);
  auto link = create_tcx_link(tcx_.program(), interface, tcx_.hook().type);
  if (!link) return fail_errno(errno, "attach " + tcx_.name_at(interface));
  WEFT_TRY(tcx_.keep(interface, std::move(link)));
  return true;
}

Result<bool> UplinkLinks::attach(std::uint32_t interface) {
  WEFT_TRY(require_ethernet(interface));
  bool changed = false;
  if (xdp_.find(interface)) {
    changed = WEFT_TRY(xdp_.pin_again(interface));
  } else {
    bool possible = foreign_xdp(interface).empty() && !without_xdp_.contains(interface);
    if (!possible || !attach_xdp(interface)) return attach_tcx(interface);
    changed = true;
  }
  if (!tcx_.has(interface)) return changed;
  tcx_.detach(interface);
  return true;
}

void UplinkLinks::detach(std::uint32_t interface) {
  without_xdp_.erase(interface);
  for (auto* side : {&xdp_, &tcx_})
    if (side->has(interface)) side->detach(interface);
}

UplinkState UplinkLinks::audit(std::uint32_t interface) const {
  UplinkState state{false, &xdp_.hook(), "", foreign_xdp(interface)};
  if (auto ours = xdp_.find(interface)) {
    bool generic = query_xdp(interface).generic == ours->program;
    state.attached = xdp_.is_pinned(interface);
    state.detail = generic ? "generic mode" : "driver mode";
    return state;
  }
  auto ours = tcx_.find(interface);
  if (!ours) return state;
  state.hook = &tcx_.hook();
  state.attached = tcx_.is_pinned(interface);
  auto refused = without_xdp_.find(interface);
  state.detail = refused != without_xdp_.end() ? refused->second : "another XDP program is there";
  for (const auto& entry : query_tcx(interface, tcx_.hook().type).value_or(std::vector<AttachedProgram>())) {
    if (entry.link == ours->id) break;
    state.foreign.push_back(describe_program(entry.program));
  }
  return state;
}

}  // namespace weft
