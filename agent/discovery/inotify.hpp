// Inotify watches on directories and files by path. One inode has one watch however many paths lead to it, so a watch
// knows all paths that it stands for.
#pragma once

#include <sys/inotify.h>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"

namespace weft {

class Inotify {
 public:
  struct Notice {
    const std::string& path;  // that was watched
    std::uint32_t mask;       // IN_*
    std::string_view name;    // inside a directory; empty for the watched thing itself
  };

  static Result<Inotify> open();
  int fd() const { return fd_.get(); }

  // Watches what `path` leads to; false when that is impossible (gone, no permission, no watches left).
  bool watch(const std::string& path, std::uint32_t mask);
  void unwatch(const std::string& path);
  // Ends the watches of `directory` and of all that lies below it.
  void unwatch_tree(const std::string& directory);
  // Ends the watches below `directory` but for the paths that `keep` accepts.
  void unwatch_below(const std::string& directory, const std::function<bool(const std::string&)>& keep);
  bool is_watched(const std::string& path) const { return watches_.contains(path); }
  std::size_t size() const { return watches_.size(); }

  // Visits what happened; false when the kernel lost events (IN_Q_OVERFLOW). Does not block.
  bool drain(const std::function<void(const Notice&)>& visit);

 private:
  explicit Inotify(Fd fd) : fd_(std::move(fd)) {}
  bool dispatch(const inotify_event& event, std::string_view name, const std::function<void(const Notice&)>& visit);

  Fd fd_;
  std::map<std::string, int> watches_;
  std::map<int, std::set<std::string>> paths_;
};

}  // namespace weft
