#include "agent/kernel/interface_hook.hpp"

#include <unistd.h>

#include <cerrno>

#include "agent/kernel/pins.hpp"

namespace weft {

std::string InterfaceHook::name_at(std::uint32_t interface) const { return numbered_pin(hook_->name, interface); }

std::filesystem::path InterfaceHook::link_pin(std::uint32_t interface) const {
  return bpffs_ / "links" / name_at(interface);
}

Result<InterfaceHook> InterfaceHook::adopt(const std::filesystem::path& bpffs, const Hook& hook) {
  InterfaceHook adopted(bpffs, hook);
  WEFT_TRY(adopted.adopt_links());
  return adopted;
}

Result<> InterfaceHook::adopt_links() {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(bpffs_ / "links", ignored)) {
    auto interface = number_of_pin(hook_->name, entry.path().filename().string());
    if (!interface) continue;
    Fd fd(::bpf_obj_get(entry.path().c_str()));
    if (!fd) return fail_errno(errno, "open pinned link " + entry.path().string());
    if (auto info = interface_link_info(fd.get()); info && info->interface == *interface)
      links_.emplace(*interface, std::move(fd));
    else
      ::unlink(entry.path().c_str());
  }
  return {};
}

std::set<std::uint32_t> InterfaceHook::live_maps() const {
  std::set<std::uint32_t> maps;
  for (const auto& [interface, link] : links_)
    if (auto info = interface_link_info(link.get())) maps.merge(maps_of_program(pins_.find(info->program)));
  return maps;
}

Result<> InterfaceHook::swap(int program) {
  program_ = program;
  WEFT_TRY(pins_.put(program));
  program_id_ = program_id(program);
  for (const auto& [interface, link] : links_) WEFT_TRY(swap_link(interface, link.get()));
  pins_.drop_others(program_id_);
  return {};
}

Result<> InterfaceHook::swap_link(std::uint32_t interface, int link) {
  auto info = interface_link_info(link);
  if (!info || info->interface == 0 || runs_ours(*info)) return {};
  auto swapped = replace_program(link, program_, pins_.find(info->program), name_at(interface));
  if (swapped) return {};
  info = interface_link_info(link);
  return info && info->interface != 0 ? swapped : Result<>();  // else it went meanwhile
}

void InterfaceHook::drop() {
  while (!links_.empty()) detach(links_.begin()->first);
  pins_.drop_others(0);
}

std::optional<InterfaceLinkInfo> InterfaceHook::find(std::uint32_t interface) const {
  auto known = links_.find(interface);
  if (known == links_.end()) return std::nullopt;
  auto info = interface_link_info(known->second.get());
  return info && info->interface == interface ? info : std::nullopt;
}

bool InterfaceHook::is_pinned(std::uint32_t interface) const {
  return ::access(link_pin(interface).c_str(), F_OK) == 0;
}

Result<> InterfaceHook::keep(std::uint32_t interface, Fd link) {
  auto pin = link_pin(interface);
  ::unlink(pin.c_str());
  if (::bpf_obj_pin(link.get(), pin.c_str()) != 0) return fail_errno(errno, "pin " + pin.string());
  links_[interface] = std::move(link);
  return {};
}

Result<bool> InterfaceHook::restore_program(std::uint32_t interface) {
  auto link = find(interface);
  if (!link || runs_ours(*link)) return false;
  WEFT_TRY(replace_program(links_.at(interface).get(), program_, -1, name_at(interface)));
  return true;
}

Result<bool> InterfaceHook::pin_again(std::uint32_t interface) {
  if (is_pinned(interface)) return false;
  auto pin = link_pin(interface);
  if (::bpf_obj_pin(links_.at(interface).get(), pin.c_str()) != 0) return fail_errno(errno, "pin " + pin.string());
  return true;
}

void InterfaceHook::unhook(std::uint32_t interface) const {
  if (auto known = links_.find(interface); known != links_.end()) ::bpf_link_detach(known->second.get());
}

// The pin goes last: an agent that dies in between finds a link of no interface.
void InterfaceHook::detach(std::uint32_t interface) {
  unhook(interface);
  ::unlink(link_pin(interface).c_str());
  links_.erase(interface);
}

}  // namespace weft
