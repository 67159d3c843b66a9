#include "agent/app/uplink_guard.hpp"

#include <spdlog/spdlog.h>

namespace weft {

UplinkGuard::UplinkGuard(Datapath& datapath, UplinkInterfaces interfaces, std::function<bool(std::uint32_t)> is_pod,
                         bool wanted)
    : links_(datapath.uplink_links()),
      available_(datapath.has(Feature::kDenyList)),
      wanted_(wanted),
      interfaces_(std::move(interfaces)),
      is_pod_(std::move(is_pod)) {}

Result<std::unique_ptr<UplinkGuard>> UplinkGuard::start(Datapath& datapath, std::vector<std::string> globs,
                                                        std::function<bool(std::uint32_t)> is_pod) {
  bool wanted = !globs.empty();
  auto interfaces = WEFT_TRY(UplinkInterfaces::open(std::move(globs)));
  std::unique_ptr<UplinkGuard> guard(new UplinkGuard(datapath, std::move(interfaces), std::move(is_pod), wanted));
  guard->settle();
  return guard;
}

void UplinkGuard::on_readable() {
  if (interfaces_.on_readable()) settle();
}

void UplinkGuard::settle() {
  attachments_.clear();
  guarded_ = uplinks_ = 0;
  for (auto index : links_.interfaces())
    if (!interfaces_.all().contains(index) || is_pod_(index)) links_.detach(index);
  std::erase_if(failures_, [&](const auto& entry) { return !interfaces_.all().contains(entry.first); });
  std::erase_if(seen_, [&](const auto& entry) { return !interfaces_.all().contains(entry.first); });
  for (const auto& [index, name] : interfaces_.all()) {
    if (is_pod_(index)) continue;
    ++uplinks_;
    if (available_) attach(index, name);
    audit(index, name);
  }
}

void UplinkGuard::attach(std::uint32_t index, const std::string& name) {
  auto attached = links_.attach(index);
  if (!attached) {
    if (failures_[index] != attached.error().what) spdlog::error("deny list on {}: {}", name, attached.error().what);
    failures_[index] = attached.error().what;
    return;
  }
  failures_.erase(index);
  if (!*attached || !seen_[index]) return;
  ++repaired_;
  spdlog::warn("deny list on {}: its program was not as it should be; attached again", name);
}

void UplinkGuard::audit(std::uint32_t index, const std::string& name) {
  auto state = links_.audit(index);
  std::string hook(state.hook->name);
  auto failure = failures_.find(index);
  std::string detail = !available_                  ? "this kernel does not take the program"
                       : failure != failures_.end() ? failure->second
                       : state.attached             ? state.detail
                                                    : "nothing of ours is attached, or its pin is gone";
  attachments_.push_back({hook, name, state.attached ? "attached" : "missing", detail});
  for (const auto& program : state.foreign) attachments_.push_back({hook, name, "foreign", program});
  seen_[index] = state.attached;
  guarded_ += state.attached;
}

}  // namespace weft
