#include "agent/discovery/inotify.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace weft {
namespace {

constexpr std::size_t kBufferBytes = 64 * 1024;
constexpr int kMostReads = 256;  // of the kernel's queue of 16,384 events; the fd stays readable for the rest

std::string_view name_of(const char* raw, std::uint32_t length) { return {raw, ::strnlen(raw, length)}; }

}  // namespace

Result<Inotify> Inotify::open() {
  Fd fd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd) return fail_errno(errno, "watch files (inotify); raise fs.inotify.max_user_instances");
  return Inotify(std::move(fd));
}

bool Inotify::watch(const std::string& path, std::uint32_t mask) {
  int wd = ::inotify_add_watch(fd_.get(), path.c_str(), mask | IN_MASK_ADD);
  if (wd < 0) {
    unwatch(path);
    return false;
  }
  auto [it, added] = watches_.try_emplace(path, wd);
  if (!added && it->second != wd) {
    unwatch(path);
    watches_.emplace(path, wd);
  }
  paths_[wd].insert(path);
  return true;
}

void Inotify::unwatch(const std::string& path) {
  auto it = watches_.find(path);
  if (it == watches_.end()) return;
  auto paths = paths_.find(it->second);
  paths->second.erase(path);
  if (paths->second.empty()) {
    ::inotify_rm_watch(fd_.get(), it->second);
    paths_.erase(paths);
  }
  watches_.erase(it);
}

void Inotify::unwatch_tree(const std::string& directory) {
  unwatch(directory);
  unwatch_below(directory, [](const std::string&) { return false; });
}

void Inotify::unwatch_below(const std::string& directory, const std::function<bool(const std::string&)>& keep) {
  auto prefix = directory + "/";
  for (auto it = watches_.lower_bound(prefix); it != watches_.end() && it->first.starts_with(prefix);) {
    auto path = it->first;
    ++it;
    if (!keep(path)) unwatch(path);
  }
}

bool Inotify::dispatch(const inotify_event& event, std::string_view name,
                       const std::function<void(const Notice&)>& visit) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) return false;
  auto it = paths_.find(event.wd);
  if (it == paths_.end()) return true;
  auto paths = it->second;
  if ((event.mask & IN_IGNORED) != 0) {
    for (const auto& path : paths) watches_.erase(path);
    paths_.erase(it);
  }
  for (const auto& path : paths) visit({path, event.mask, name});
  return true;
}

bool Inotify::drain(const std::function<void(const Notice&)>& visit) {
  alignas(inotify_event) std::array<char, kBufferBytes> buffer;
  bool complete = true;
  for (int i = 0; i < kMostReads; ++i) {
    auto length = ::read(fd_.get(), buffer.data(), buffer.size());
    if (length <= 0) break;
    for (std::size_t at = 0; at < static_cast<std::size_t>(length);) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      complete = dispatch(*event, name_of(event->name, event->len), visit) && complete;
      at += sizeof(inotify_event) + event->len;
    }
  }
  return complete;
}

}  // namespace weft
