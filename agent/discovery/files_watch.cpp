// FilesSource: which files there are, and which may have changed.
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include "agent/discovery/files.hpp"

namespace weft {
namespace {

constexpr std::size_t kDeepestDirectory = 32;
constexpr std::size_t kMostFiles = 100'000;
constexpr std::uint32_t kDirectoryMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE |
                                         IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
constexpr std::uint32_t kLinkTargetMask = IN_CLOSE_WRITE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF;
constexpr std::uint32_t kGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED;

bool is_manifest(std::string_view path) {
  return path.ends_with(".yaml") || path.ends_with(".yml") || path.ends_with(".json");
}

std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }
bool is_hidden(std::string_view path) { return file_name(path).starts_with('.'); }

std::string parent_of(const std::string& path) {
  auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string child_of(const std::string& directory, std::string_view name) {
  return (directory == "/" ? "" : directory) + "/" + std::string(name);
}

bool is_below(std::string_view path, std::string_view directory) {
  return directory == "/" ||
         (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
}

bool is_link(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && S_ISLNK(status.st_mode);
}

// A file that appeared without being written here: a link, so that no close will follow.
bool appeared_whole(const std::string& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 && (S_ISLNK(status.st_mode) || status.st_nlink > 1);
}

struct Directory {
  DIR* stream;
  explicit Directory(const std::string& path) : stream(::opendir(path.c_str())) {}
  ~Directory() {
    if (stream != nullptr) ::closedir(stream);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
};

std::string because(int code) { return "cannot be read: " + std::generic_category().message(code); }

}  // namespace

bool FilesSource::is_within_root(const std::string& path) const {
  return std::ranges::any_of(options_.paths,
                             [&](const std::string& root) { return path == root || is_below(path, root); });
}

// Watches the directory in which `root` lies or, while that is missing too, the nearest one that exists.
void FilesSource::anchor(const std::string& root) {
  auto directory = parent_of(root);
  while (!inotify_.watch(directory, kDirectoryMask) && directory != "/") directory = parent_of(directory);
  auto& current = anchors_[root];
  auto before = std::exchange(current, directory);
  if (before.empty() || before == directory || is_within_root(before)) return;
  bool shared = std::ranges::any_of(anchors_, [&](const auto& entry) { return entry.second == before; });
  if (!shared) inotify_.unwatch(before);
}

void FilesSource::diagnose_directory(const std::string& path, std::string reason, Pass& pass) {
  auto known = directory_reasons_.find(path);
  if (known == directory_reasons_.end() ? reason.empty() : known->second == reason) return;
  std::vector<Diagnostic> diagnostics;
  if (!reason.empty())
    diagnostics.push_back(
        {Diagnostic::Severity::kError, finding_code(FindingCode::kFileUnreadable), {}, {}, reason, path});
  if (reason.empty())
    directory_reasons_.erase(known);
  else
    directory_reasons_[path] = std::move(reason);
  pass.events.push_back({OriginDiagnosed{options_.source, path, std::move(diagnostics)}, pass.now});
}

void FilesSource::look_at_root(const std::string& root, Pass& pass) {
  anchor(root);
  struct stat status{};
  bool there = ::stat(root.c_str(), &status) == 0;
  int code = there ? 0 : errno;
  bool missing = code == ENOENT || code == ENOTDIR;
  if (missing)
    missing_roots_.insert(root);
  else
    missing_roots_.erase(root);
  if (code != 0 && !missing)
    unreadable_roots_.insert(root);
  else
    unreadable_roots_.erase(root);
  if (!there) {
    diagnose_directory(root, because(code), pass);
    if (missing) lose_tree(root, !files_.contains(root), pass);
    return;
  }
  if (S_ISDIR(status.st_mode)) return look_at_tree(root, pass);
  diagnose_directory(root, {}, pass);
  pass.dirty.emplace(root, Look::kStamp);
}

// Those of the directories between `directory` and its root, so that links to them are known for loops.
std::vector<FilesSource::Inode> FilesSource::inodes_above(const std::string& directory) const {
  std::vector<Inode> out;
  struct stat status{};
  for (auto path = directory; is_within_root(path) && path != "/";) {
    path = parent_of(path);
    if (is_within_root(path) && ::stat(path.c_str(), &status) == 0) out.emplace_back(status.st_dev, status.st_ino);
  }
  return out;
}

void FilesSource::look_at_tree(const std::string& directory, Pass& pass) {
  Found found;
  auto ancestors = inodes_above(directory);
  list(directory, ancestors, found, pass);
  bool is_root = std::ranges::binary_search(options_.paths, directory);
  if (is_root && found.unreadable.contains(directory)) unreadable_roots_.insert(directory);
  inotify_.unwatch_below(directory, [&](const std::string& path) {
    return found.directories.contains(path) || found.files.contains(path);
  });
  for (const auto& [path, link] : found.files) {
    pass.dirty.emplace(path, Look::kStamp);
    if (link) inotify_.watch(path, kLinkTargetMask);
  }
  auto unknown = [&](const std::string& path) {
    return std::ranges::any_of(found.unreadable, [&](const auto& dir) { return is_below(path, dir); });
  };
  for (auto it = files_.lower_bound(directory + "/"); it != files_.end() && is_below(it->first, directory); ++it)
    if (!found.files.contains(it->first) && !unknown(it->first)) pass.lost.emplace(it->first, false);
}

void FilesSource::list(const std::string& directory, std::vector<Inode>& ancestors, Found& found, Pass& pass) {
  // The watch comes first: what appears while we read is then told again rather than missed.
  bool watched = inotify_.watch(directory, kDirectoryMask);
  int watch_error = errno;
  Directory open(directory);
  struct stat status{};
  if (open.stream == nullptr || ::fstat(::dirfd(open.stream), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return;
    diagnose_directory(directory, because(errno), pass);
    found.unreadable.insert(directory);
    return;
  }
  Inode inode{status.st_dev, status.st_ino};
  if (std::ranges::find(ancestors, inode) != ancestors.end()) return;  // a link to a directory above
  if (ancestors.size() >= kDeepestDirectory)
    return diagnose_directory(directory, "is not read: it lies more than 32 directories deep", pass);
  diagnose_directory(directory,
                     watched ? std::string()
                             : "cannot be watched, changes are found late (raise fs.inotify.max_user_watches): " +
                                   std::generic_category().message(watch_error),
                     pass);
  found.directories.insert(directory);
  ancestors.push_back(inode);
  while (const auto* entry = ::readdir(open.stream))
    if (entry->d_name[0] != '.') list_entry(child_of(directory, entry->d_name), ancestors, found, pass);
  ancestors.pop_back();
}

void FilesSource::list_entry(const std::string& path, std::vector<Inode>& ancestors, Found& found, Pass& pass) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    // A dangling link is as good as no file; what may not be looked at is asked for again when it is read.
    if (errno != ENOENT && is_manifest(path)) found.files.emplace(path, is_link(path));
    return;
  }
  if (S_ISDIR(status.st_mode)) return list(path, ancestors, found, pass);
  if (!is_manifest(path)) return;
  if (found.files.size() >= kMostFiles)
    return diagnose_directory(parent_of(path), "holds more than 100000 files; the others are not read", pass);
  found.files.emplace(path, is_link(path));
}

void FilesSource::lose_tree(const std::string& directory, bool suspicious, Pass& pass) {
  inotify_.unwatch_tree(directory);
  if (files_.contains(directory)) pass.lost.emplace(directory, suspicious);
  for (auto it = files_.lower_bound(directory + "/"); it != files_.end() && is_below(it->first, directory); ++it)
    pass.lost.emplace(it->first, suspicious);
  for (auto it = directory_reasons_.lower_bound(directory + "/");
       it != directory_reasons_.end() && is_below(it->first, directory);) {
    auto path = it->first;
    ++it;
    diagnose_directory(path, {}, pass);
  }
}

void FilesSource::notice(const Inotify::Notice& what, Pass& pass) {
  if ((what.mask & IN_UNMOUNT) != 0) pass.unmounted = true;
  if (what.name.empty()) {
    if (files_.contains(what.path))
      notice_link_target(what.path, pass);
    else
      notice_directory(what.path, what.mask, pass);
    return;
  }
  auto child = child_of(what.path, what.name);
  for (const auto& root : options_.paths)
    if ((root == child && !files_.contains(root)) || is_below(root, child)) pass.roots.insert(root);
  if (std::ranges::binary_search(options_.paths, child) && files_.contains(child))
    notice_file(child, what.mask, pass);
  else if (is_within_root(what.path))
    notice_child(child, what.mask, pass);
}

// What the link leads to changed, or another file took its place: that one must be watched from now on.
void FilesSource::notice_link_target(const std::string& path, Pass& pass) {
  pass.dirty.insert_or_assign(path, Look::kContent);
  if (is_link(path)) inotify_.watch(path, kLinkTargetMask);
}

void FilesSource::notice_directory(const std::string& path, std::uint32_t mask, Pass& pass) {
  for (const auto& root : options_.paths)
    if (root == path || is_below(root, path)) pass.roots.insert(root);
  bool inner = is_within_root(path) && !std::ranges::binary_search(options_.paths, path);
  if (inner && (mask & kGone) != 0) lose_tree(path, false, pass);
  if (inner) pass.trees.insert(path);
}

void FilesSource::notice_child(const std::string& child, std::uint32_t mask, Pass& pass) {
  bool appeared = (mask & (IN_CREATE | IN_MOVED_TO)) != 0;
  bool gone = (mask & (IN_DELETE | IN_MOVED_FROM)) != 0;
  if (is_hidden(child)) {
    // "..data" of a ConfigMap volume is switched over: every link of the directory may now lead elsewhere.
    if (file_name(child).starts_with("..") && (mask & IN_MOVED_TO) != 0) pass.trees.insert(parent_of(child));
    return;
  }
  struct stat status{};
  bool known_directory = inotify_.is_watched(child) && !files_.contains(child);
  bool directory = (mask & IN_ISDIR) != 0 || known_directory ||
                   (appeared && ::stat(child.c_str(), &status) == 0 && S_ISDIR(status.st_mode));
  if (directory) {
    if (files_.contains(child)) pass.dirty.insert_or_assign(child, Look::kContent);
    if (gone) lose_tree(child, false, pass);
    pass.trees.insert(child);
    return;
  }
  if (is_manifest(child)) notice_file(child, mask, pass);
}

void FilesSource::notice_file(const std::string& path, std::uint32_t mask, Pass& pass) {
  bool read = (mask & (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)) != 0;
  if ((mask & IN_CREATE) != 0) read = read || appeared_whole(path);
  // A change of rights matters when it lets us read what we could not, or no longer lets us.
  if ((mask & IN_ATTRIB) != 0) {
    auto it = files_.find(path);
    bool readable_now = ::faccessat(AT_FDCWD, path.c_str(), R_OK, AT_EACCESS) == 0;
    read = read || (it != files_.end() && it->second.readable != readable_now);
  }
  if (!read) return;
  pass.dirty.insert_or_assign(path, Look::kContent);
  if (is_link(path)) inotify_.watch(path, kLinkTargetMask);
}

}  // namespace weft
