#include "agent/kernel/object.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "agent/base/findings.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/log_capture.hpp"
#include "agent/kernel/migrate.hpp"
#include "weft.skel.h"
#include "weft/abi/flow.h"

namespace weft {
namespace {

using Skeleton = std::unique_ptr<weft_bpf, void (*)(weft_bpf*)>;

Result<> set_sizes(weft_bpf* skeleton, const DatapathSizes& sizes) {
  const std::pair<bpf_map*, std::uint32_t> wanted[] = {
      {skeleton->maps.weft_services, sizes.services},
      {skeleton->maps.weft_slots, sizes.slots},
      {skeleton->maps.weft_endpoints, sizes.endpoints},
      {skeleton->maps.weft_owners, sizes.owners},
      {skeleton->maps.weft_processes, sizes.processes},
      {skeleton->maps.weft_affinity, sizes.affinity},
      {skeleton->maps.weft_edges, sizes.edges},
      {skeleton->maps.weft_connections, sizes.connections},
      {skeleton->maps.weft_udp_flows, sizes.udp_flows},
      {skeleton->maps.weft_tuples, sizes.tuples},
      {skeleton->maps.weft_events, sizes.events_bytes},
      {skeleton->maps.weft_peers, sizes.peers},
      {skeleton->maps.weft_networks, sizes.networks},
      {skeleton->maps.weft_subjects, sizes.subjects},
      {skeleton->maps.weft_policy, sizes.policy},
      {skeleton->maps.weft_interfaces, sizes.interfaces},
      {skeleton->maps.weft_sources, sizes.sources},
      {skeleton->maps.weft_replies, sizes.replies},
      {skeleton->maps.weft_denied_addresses, sizes.denied_addresses},
      {skeleton->maps.weft_denied_networks, sizes.denied_networks},
      {skeleton->maps.weft_denial_hits, sizes.denied_addresses + sizes.denied_networks},
  };
  for (const auto& [map, entries] : wanted)
    if (int problem = ::bpf_map__set_max_entries(map, entries); problem != 0)
      return fail_errno(-problem, "size of map " + std::string(::bpf_map__name(map)));
  return {};
}

Result<Skeleton> open_skeleton(const DatapathOptions& options) {
  Skeleton skeleton(weft_bpf__open(), weft_bpf__destroy);
  if (!skeleton) return fail_errno(errno, "open the embedded BPF object");
  WEFT_TRY(set_sizes(skeleton.get(), options.sizes));
  auto& config = *const_cast<weft_config*>(&skeleton->rodata->weft_config);
  config.host_netns = WEFT_TRY(netns_cookie());
  config.refuse_without_endpoint = 1;
  config.account_flows = 1;
  config.silent_resets = !options.answer_resets;
  config.silent_errors = !options.answer_errors;
  return skeleton;
}

bpf_program* program_of(weft_bpf* skeleton, std::string_view symbol) {
  return ::bpf_object__find_program_by_name(skeleton->obj, std::string(symbol).c_str());
}

Result<bpf_map_info> map_info(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof info;
  if (::bpf_obj_get_info_by_fd(fd, &info, &size) != 0) return fail_errno(errno, "read map information");
  return info;
}

// What our layout does not allow of a pinned map, as a list; empty when it is of our shape. Another number of entries
// is allowed: the configuration may have changed.
std::string shape_difference(const bpf_map_info& info, const bpf_map* map) {
  std::string difference;
  auto compare = [&](const char* what, std::uint64_t has, std::uint64_t wanted) {
    if (has == wanted) return;
    difference += difference.empty() ? "" : ", ";
    difference += std::string(what) + " " + std::to_string(has) + " and not " + std::to_string(wanted);
  };
  compare("type", info.type, ::bpf_map__type(map));
  compare("key size", info.key_size, ::bpf_map__key_size(map));
  compare("value size", info.value_size, ::bpf_map__value_size(map));
  compare("flags", info.map_flags, ::bpf_map__map_flags(map));
  return difference;
}

std::uint32_t map_id(int fd) {
  bpf_map_info info{};
  __u32 size = sizeof info;
  return ::bpf_obj_get_info_by_fd(fd, &info, &size) == 0 ? info.id : 0;
}

constexpr std::string_view kStaged = "_next";  // bpffs refuses dots in names

struct Pin {
  std::string file;     // below maps/
  std::string settled;  // its name once the upgrade that made it is through
};

// Pins of one map in any layout, settled or staged.
std::vector<Pin> pins_of(const std::filesystem::path& dir, std::string_view name) {
  std::vector<Pin> pins;
  std::error_code ignored;
  auto prefix = std::string(name) + "_v";
  for (const auto& entry : std::filesystem::directory_iterator(dir, ignored)) {
    auto file = entry.path().filename().string();
    auto settled = file.ends_with(kStaged) ? file.substr(0, file.size() - kStaged.size()) : file;
    if (settled.rfind(prefix, 0) == 0 && settled.find_first_not_of("0123456789", prefix.size()) == std::string::npos)
      pins.push_back({file, settled});
  }
  std::sort(pins.begin(), pins.end(), [](const Pin& a, const Pin& b) { return a.file < b.file; });
  return pins;
}

// A pin under our layout that is not of our shape was made by somebody else: nothing of it can be trusted.
Result<> refuse_other_shape(const std::filesystem::path& pin, const bpf_map_info& info, const bpf_map* map) {
  auto difference = shape_difference(info, map);
  if (difference.empty()) return {};
  return fail(finding_code(FindingCode::kNodePinnedMap) + ": the pinned map " + pin.string() +
              " is not weft's, it has " + difference + "; remove it with `weft cleanup`, then start weftd again");
}

struct Predecessor {
  const PinnedMap* map;
  Fd fd;
  std::string pin;
};

// Binds `map` to a pin that has our layout and shape and is in use, or is the only one. Otherwise returns the pin whose
// entries are to be copied: the one in use before any other.
Result<Predecessor> bind_or_inherit(const PinnedMap& pinned, bpf_map* map, const std::filesystem::path& dir,
                                    const std::set<std::uint32_t>& live_maps) {
  auto pins = pins_of(dir, pinned.name);
  Predecessor best{&pinned, Fd(), ""};
  bool best_is_live = false;
  for (const auto& pin : pins) {
    Fd fd(::bpf_obj_get((dir / pin.file).c_str()));
    if (!fd) return fail_errno(errno, "open pinned map " + (dir / pin.file).string());
    auto info = WEFT_TRY(map_info(fd.get()));
    bool ours = pin.settled == pinned.pin_name();
    if (ours) WEFT_TRY(refuse_other_shape(dir / pin.file, info, map));
    bool live = live_maps.contains(info.id);
    if (ours && info.max_entries == ::bpf_map__max_entries(map) && (live || pins.size() == 1)) {
      if (int problem = ::bpf_map__reuse_fd(map, fd.get()); problem != 0)
        return fail_errno(-problem, "reuse map " + pin.file);
      return Predecessor{&pinned, Fd(), ""};
    }
    if (best.fd && (best_is_live || !live)) continue;
    best = {&pinned, std::move(fd), pin.file};
    best_is_live = live;
  }
  return best;
}

Result<> copy_predecessors(weft_bpf* skeleton, std::vector<Predecessor>& predecessors, std::vector<std::string>& copied,
                           std::vector<BpfObject::WrittenOn>& written_on) {
  auto cpus = WEFT_TRY(possible_cpus());
  for (auto& old : predecessors) {
    if (!old.fd || old.map->kind == MapKind::SOCKET || old.map->kind == MapKind::RING) continue;
    auto* map = ::bpf_object__find_map_by_name(skeleton->obj, std::string(old.map->name).c_str());
    auto result = copy_map(*old.map, old.fd.get(), ::bpf_map__fd(map), cpus);
    if (!result) {
      copied.push_back(old.pin + " not copied: " + result.error().what);
      continue;
    }
    copied.push_back(old.pin + ": " + std::to_string(result->entries) + " entries copied" +
                     (result->left_out ? ", " + std::to_string(result->left_out) + " did not fit" : ""));
    if (old.map->kind == MapKind::KERNEL) written_on.push_back({old.map, std::move(old.fd), std::move(result->seen)});
  }
  return {};
}

// Which programs do not load by themselves; they and the rest of their features are left out.
std::map<std::string, std::string> failing_programs(const DatapathOptions& options) {
  std::map<std::string, std::string> problems;
  for (const auto& probe : probe_programs(options))
    if (!probe.loads) problems[probe.name] = probe.problem;
  return problems;
}

void switch_off(weft_bpf* skeleton, const std::map<std::string, std::string>& problems) {
  for (const auto& failed : kPrograms) {
    if (!problems.contains(std::string(failed.name))) continue;
    for (const auto& program : kPrograms)
      if (program.feature == failed.feature) ::bpf_program__set_autoload(program_of(skeleton, program.symbol), false);
  }
}

}  // namespace

void BpfObject::Destroy::operator()(weft_bpf* skeleton) const { weft_bpf__destroy(skeleton); }
BpfObject::BpfObject() = default;
BpfObject::BpfObject(BpfObject&&) noexcept = default;
BpfObject& BpfObject::operator=(BpfObject&&) noexcept = default;
BpfObject::~BpfObject() = default;

std::vector<ProgramProbe> probe_programs(const DatapathOptions& options) {
  std::vector<ProgramProbe> probes;
  for (const auto& wanted : kPrograms) {
    ProgramProbe probe{std::string(wanted.name), wanted.feature, false, 0, 0, ""};
    LogCapture log;
    auto skeleton = open_skeleton(options);
    if (!skeleton) {
      probe.problem = skeleton.error().what;
      probes.push_back(std::move(probe));
      continue;
    }
    for (const auto& other : kPrograms)
      ::bpf_program__set_autoload(program_of(skeleton->get(), other.symbol), other.name == wanted.name);
    auto* program = program_of(skeleton->get(), wanted.symbol);
    int failed = weft_bpf__load(skeleton->get());
    probe.loads = failed == 0;
    probe.instructions = static_cast<std::uint32_t>(::bpf_program__insn_cnt(program));
    if (failed != 0) probe.problem = log.last_problem(-failed);
    bpf_prog_info info{};
    __u32 size = sizeof info;
    if (probe.loads && ::bpf_obj_get_info_by_fd(::bpf_program__fd(program), &info, &size) == 0)
      probe.verified_instructions = info.verified_insns;
    probes.push_back(std::move(probe));
  }
  return probes;
}

Result<> check_pinned_maps(const DatapathOptions& options) {
  auto skeleton = WEFT_TRY(open_skeleton(options));
  auto dir = options.bpffs / "maps";
  for (const auto& pinned : kPinnedMaps) {
    const auto* map = ::bpf_object__find_map_by_name(skeleton->obj, std::string(pinned.name).c_str());
    for (const auto& pin : pins_of(dir, pinned.name))
      if (Fd fd(::bpf_obj_get((dir / pin.file).c_str())); fd && pin.settled == pinned.pin_name()) {
        auto info = WEFT_TRY(map_info(fd.get()));
        WEFT_TRY(refuse_other_shape(dir / pin.file, info, map));
      }
  }
  return {};
}

Result<BpfObject> BpfObject::load(const DatapathOptions& options, const std::set<std::uint32_t>& live_maps) {
  BpfObject object;
  object.maps_dir_ = options.bpffs / "maps";
  for (int attempt = 0; attempt < 2; ++attempt) {
    LogCapture log;
    auto skeleton = WEFT_TRY(open_skeleton(options));
    std::vector<Predecessor> predecessors;
    for (const auto& pinned : kPinnedMaps) {
      auto* map = ::bpf_object__find_map_by_name(skeleton->obj, std::string(pinned.name).c_str());
      WEFT_ASSERT(map != nullptr);
      predecessors.push_back(WEFT_TRY(bind_or_inherit(pinned, map, object.maps_dir_, live_maps)));
    }
    switch_off(skeleton.get(), object.problems_);
    if (int failed = weft_bpf__load(skeleton.get()); failed != 0) {
      auto why = log.last_problem(-failed);
      auto failing = attempt == 0 ? failing_programs(options) : std::map<std::string, std::string>();
      if (failing.empty()) return fail(-failed, "load the BPF programs: " + why);
      object.problems_.merge(failing);
      continue;
    }
    WEFT_TRY(copy_predecessors(skeleton.get(), predecessors, object.copied_, object.written_on_));
    object.skeleton_.reset(skeleton.release());
    break;
  }
  for (const auto& program : kPrograms)
    if (auto problem = object.problems_.find(std::string(program.name));
        program.feature == Feature::kBalancing && problem != object.problems_.end())
      return fail("this kernel (" + kernel_release() + ") does not take program " + problem->first + ": " +
                  problem->second);
  return object;
}

int BpfObject::map_fd(std::string_view name) const {
  auto* map = ::bpf_object__find_map_by_name(skeleton_->obj, std::string(name).c_str());
  WEFT_ASSERT(map != nullptr);
  return ::bpf_map__fd(map);
}

int BpfObject::program_fd(std::string_view symbol) const {
  return ::bpf_program__fd(program_of(skeleton_.get(), symbol));
}

bool BpfObject::has(Feature feature) const {
  return std::all_of(kPrograms.begin(), kPrograms.end(), [&](const Program& program) {
    return program.feature != feature || program_fd(program.symbol) >= 0;
  });
}

void BpfObject::catch_up() {
  auto cpus = possible_cpus();
  for (const auto& old : written_on_)
    if (cpus) (void)catch_up_map(*old.map, old.fd.get(), map_fd(old.map->name), old.seen, *cpus);  // the copy worked
  written_on_.clear();
}

Result<> BpfObject::stage_pins() const {
  for (const auto& pinned : kPinnedMaps) {
    int fd = map_fd(pinned.name);
    auto settled = maps_dir_ / pinned.pin_name();
    auto staged = settled.string() + std::string(kStaged);
    Fd present(::bpf_obj_get(settled.c_str())), waiting(::bpf_obj_get(staged.c_str()));
    if ((present && map_id(present.get()) == map_id(fd)) || (waiting && map_id(waiting.get()) == map_id(fd))) continue;
    ::unlink(staged.c_str());
    if (::bpf_obj_pin(fd, staged.c_str()) != 0) return fail_errno(errno, "pin map " + staged);
  }
  return {};
}

Result<> BpfObject::settle_pins() const {
  for (const auto& pinned : kPinnedMaps) {
    auto settled = maps_dir_ / pinned.pin_name();
    auto staged = settled.string() + std::string(kStaged);
    if (Fd waiting(::bpf_obj_get(staged.c_str())); waiting && map_id(waiting.get()) == map_id(map_fd(pinned.name)))
      if (::rename(staged.c_str(), settled.c_str()) != 0) return fail_errno(errno, "pin map " + settled.string());
    for (const auto& pin : pins_of(maps_dir_, pinned.name))
      if (pin.file != pinned.pin_name() && ::unlink((maps_dir_ / pin.file).c_str()) != 0)
        return fail_errno(errno, "remove old map " + pin.file);
  }
  return {};
}

}  // namespace weft
