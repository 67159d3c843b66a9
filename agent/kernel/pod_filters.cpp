#include "agent/kernel/pod_filters.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>

#include "agent/kernel/object.hpp"
#include "agent/kernel/pod_links.hpp"
#include "agent/kernel/tcx.hpp"

namespace weft {
namespace {

constexpr std::uint32_t kPriority = 1;         // the first to run
constexpr std::uint32_t kHandle = 0x77656674;  // "weft"; the next one is its stand-in while it moves to the front

// A question without attributes.
struct FilterRequest {
  nlmsghdr header{sizeof(FilterRequest), RTM_GETTFILTER, NLM_F_REQUEST | NLM_F_DUMP, 0, 0};
  tcmsg head{};
};

bpf_tc_attach_point point_of(const Hook& hook) { return hook.type == kTcxIngress ? BPF_TC_INGRESS : BPF_TC_EGRESS; }

bpf_tc_hook make_hook(std::uint32_t interface, int points) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(interface);
  hook.attach_point = static_cast<bpf_tc_attach_point>(points);
  return hook;
}

std::uint32_t program_of(Bytes options) {
  std::uint32_t id = 0;
  for_each_attribute(options, [&](std::uint16_t type, Bytes value) {
    if (type == TCA_BPF_ID) (void)read_fixed(value, id);
  });
  return id;
}

// The head of a priority, which has no handle, is no filter.
void read_filters(Bytes messages, std::vector<TcFilter>& filters) {
  for_each_message(messages, [&](const nlmsghdr& header, Bytes payload) {
    tcmsg head{};
    if (header.nlmsg_type != RTM_NEWTFILTER || !read_fixed(payload, head) || head.tcm_handle == 0) return;
    TcFilter filter{TC_H_MAJ(head.tcm_info) >> 16, head.tcm_handle, 0};
    for_each_attribute(payload.subspan(sizeof head), [&](std::uint16_t type, Bytes value) {
      if (type == TCA_OPTIONS) filter.program = program_of(value);
    });
    filters.push_back(filter);
  });
}

Result<std::vector<TcFilter>> list_filters(RouteAsker& asker, std::uint32_t interface, const Hook& hook) {
  FilterRequest request;
  request.head.tcm_ifindex = static_cast<int>(interface);
  request.head.tcm_parent =
      TC_H_MAKE(TC_H_CLSACT, point_of(hook) == BPF_TC_INGRESS ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS);
  std::vector<TcFilter> filters;
  WEFT_TRY_AS("filters of interface " + std::to_string(interface),
              asker.ask(request.header, [&](Bytes bytes) { read_filters(bytes, filters); }));
  return filters;
}

bool has_our_place(const TcFilter& filter) {
  return filter.priority == kPriority && (filter.handle == kHandle || filter.handle == kHandle + 1);
}

// Where a filter has that handle already its program is replaced in place.
Result<> put_filter(std::uint32_t interface, const Hook& hook, std::uint32_t handle, int program) {
  auto where = make_hook(interface, point_of(hook));
  LIBBPF_OPTS(bpf_tc_opts, options, .prog_fd = program, .flags = BPF_TC_F_REPLACE, .handle = handle,
              .priority = kPriority);
  if (int failed = ::bpf_tc_attach(&where, &options); failed != 0)
    return fail_errno(-failed, "attach " + numbered_pin(hook.name, interface));
  return {};
}

void remove_filter(std::uint32_t interface, const Hook& hook, std::uint32_t handle) {
  auto where = make_hook(interface, point_of(hook));
  LIBBPF_OPTS(bpf_tc_opts, options, .handle = handle, .priority = kPriority);
  (void)::bpf_tc_detach(&where, &options);  // ENOENT, ENODEV: it is gone, which is what was wanted
}

// A qdisc without a filter does nothing.
void remove_empty_qdisc(RouteAsker& asker, std::uint32_t interface) {
  for (const auto& hook : kPodHooks)
    if (auto left = list_filters(asker, interface, hook); !left || !left->empty()) return;
  auto both = make_hook(interface, BPF_TC_INGRESS | BPF_TC_EGRESS);
  (void)::bpf_tc_hook_destroy(&both);
}

std::vector<std::uint32_t> all_interfaces() {
  std::vector<std::uint32_t> indices;
  auto* list = ::if_nameindex();
  for (auto* entry = list; entry != nullptr && entry->if_index != 0; ++entry) indices.push_back(entry->if_index);
  if (list != nullptr) ::if_freenameindex(list);
  return indices;
}

}  // namespace

Result<std::unique_ptr<PodHooks>> adopt_pod_hooks(const std::filesystem::path& bpffs) {
  if (kernel_has_tcx()) return std::make_unique<PodLinks>(WEFT_TRY(PodLinks::adopt(bpffs)));
  return std::make_unique<PodFilters>(WEFT_TRY(PodFilters::adopt(bpffs)));
}

Result<PodFilters> PodFilters::adopt(const std::filesystem::path& bpffs) {
  PodFilters filters(WEFT_TRY(RouteAsker::open()));
  for (std::size_t i = 0; i < kPodHooks.size(); ++i) {
    auto& side = filters.sides_[i];
    side.hook = &kPodHooks[i];
    side.pins = ProgramPins(bpffs, side.hook->name);
    if (side.pins.earlier().empty()) continue;
    for (auto interface : all_interfaces())
      for (const auto& filter : WEFT_TRY(list_filters(filters.asker_, interface, *side.hook)))
        if (filters.is_ours(side, filter)) side.interfaces.insert(interface);
  }
  return filters;
}

bool PodFilters::is_ours(const Side& side, const TcFilter& filter) const {
  return has_our_place(filter) && filter.program != 0 &&
         (filter.program == program_id(side.program) || side.pins.find(filter.program) >= 0);
}

const PodFilters::Side& PodFilters::side_of(const Hook& hook) const {
  return *std::ranges::find_if(sides_, [&](const Side& side) { return side.hook->name == hook.name; });
}

std::set<std::uint32_t> PodFilters::live_maps() const {
  std::set<std::uint32_t> maps;
  for (const auto& side : sides_)
    for (auto interface : side.interfaces)
      if (auto filters = list_filters(asker_, interface, *side.hook))
        for (const auto& filter : *filters)
          if (is_ours(side, filter)) maps.merge(maps_of_program(side.pins.find(filter.program)));
  return maps;
}

Result<> PodFilters::swap(const BpfObject& object) {
  bool has_programs = object.has(Feature::kPolicy);
  if (!has_programs)
    for (auto interface : interfaces()) detach(interface);
  for (auto& side : sides_) {
    if (!has_programs) {
      side.pins.drop_others(0);
      continue;
    }
    side.program = object.program_fd(side.hook->program);
    WEFT_TRY(side.pins.put(side.program));
    for (auto interface : side.interfaces)
      for (const auto& filter : WEFT_TRY(list_filters(asker_, interface, *side.hook)))
        if (is_ours(side, filter)) WEFT_TRY(put_filter(interface, *side.hook, filter.handle, side.program));
    side.pins.drop_others(program_id(side.program));
  }
  return {};
}

std::set<std::uint32_t> PodFilters::interfaces() const {
  std::set<std::uint32_t> all;
  for (const auto& side : sides_) all.insert(side.interfaces.begin(), side.interfaces.end());
  return all;
}

bool PodFilters::has(std::uint32_t interface) const {
  return std::all_of(sides_.begin(), sides_.end(),
                     [&](const Side& side) { return side.interfaces.contains(interface); });
}

Result<bool> PodFilters::attach(std::uint32_t interface) {
  bool changed = false;
  for (auto& side : sides_) changed = WEFT_TRY(attach_side(side, interface)) || changed;
  return changed;
}

// A new filter goes before others of its priority, so ours is made a second time to move it to the front.
Result<bool> PodFilters::attach_side(Side& side, std::uint32_t interface) {
  auto filters = WEFT_TRY(list_filters(asker_, interface, *side.hook));
  auto ours = std::find_if(filters.begin(), filters.end(), [&](const TcFilter& f) { return is_ours(side, f); });
  if (ours == filters.begin() && ours != filters.end() && ours->program == program_id(side.program)) {
    side.interfaces.insert(interface);
    return false;
  }
  if (ours == filters.end()) {
    auto both = make_hook(interface, BPF_TC_INGRESS | BPF_TC_EGRESS);
    if (int failed = ::bpf_tc_hook_create(&both); failed != 0 && failed != -EEXIST)
      return fail_errno(-failed, "make a clsact qdisc on interface " + std::to_string(interface));
  }
  bool moves = ours != filters.end();
  WEFT_TRY(put_filter(interface, *side.hook, moves && ours->handle == kHandle ? kHandle + 1 : kHandle, side.program));
  if (moves) remove_filter(interface, *side.hook, ours->handle);
  side.interfaces.insert(interface);
  return true;
}

void PodFilters::detach(std::uint32_t interface) {
  for (auto side = sides_.rbegin(); side != sides_.rend(); ++side) {
    if (side->interfaces.erase(interface) == 0) continue;
    auto filters = list_filters(asker_, interface, *side->hook);
    if (!filters) continue;  // the interface is gone
    for (const auto& filter : *filters)
      if (is_ours(*side, filter)) remove_filter(interface, *side->hook, filter.handle);
  }
  remove_empty_qdisc(asker_, interface);
}

PodHookState PodFilters::audit(std::uint32_t interface, const Hook& hook) const {
  const auto& side = side_of(hook);
  PodHookState state;
  auto filters = list_filters(asker_, interface, hook);
  if (!filters) return state;
  for (const auto& filter : *filters) {
    auto name = filter.program == 0 ? "a filter of priority " + std::to_string(filter.priority)
                                    : describe_program(filter.program);
    if (is_ours(side, filter))
      state.attached = true;
    else
      (state.attached ? state.behind : state.before).push_back(std::move(name));
  }
  return state;
}

Result<std::vector<std::string>> remove_pod_filters(const std::filesystem::path& bpffs, bool dry_run) {
  std::vector<std::string> removed;
  auto asker = WEFT_TRY(RouteAsker::open());
  for (auto interface : all_interfaces()) {
    bool touched = false;
    for (const auto& hook : kPodHooks) {
      ProgramPins pins(bpffs, hook.name);
      if (pins.earlier().empty()) continue;
      for (const auto& filter : WEFT_TRY(list_filters(asker, interface, hook))) {
        if (!has_our_place(filter) || pins.find(filter.program) < 0) continue;
        if (!dry_run) remove_filter(interface, hook, filter.handle);
        touched = true;
        char name[IF_NAMESIZE] = {};
        removed.push_back(std::string(hook.name) + " of " + (::if_indextoname(interface, name) ? name : "?"));
      }
    }
    if (touched && !dry_run) remove_empty_qdisc(asker, interface);
  }
  return removed;
}

}  // namespace weft
