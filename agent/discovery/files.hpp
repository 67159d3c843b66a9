// Manifests in files and directories as a source of events. Watches them by inotify, so that one changed file costs one
// read; whoever owns the loop calls in. A file or object that turns bad keeps its last good version, and a directory
// that loses most of its objects at once gets a second look before anything is deleted.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/discovery/file_text.hpp"
#include "agent/discovery/inotify.hpp"
#include "agent/model/manifest.hpp"

namespace weft {

struct FilesOptions {
  SourceId source = "files";
  std::vector<std::string> paths;         // directories, or single files; may appear later
  std::chrono::milliseconds grace{2000};  // between losing most objects and deleting them
};

// Directories are read to any depth; in them count *.yaml, *.yml and *.json whose names do not begin with a dot (so
// that the hidden directories of a Kubernetes ConfigMap volume are seen through its links only). Writing in place is
// acted on when the writer closes the file; a deletion after 100 ms, so that editors that move a file away first do no
// harm.
class FilesSource {
 public:
  using Time = std::chrono::steady_clock::time_point;

  static Result<FilesSource> open(FilesOptions options);
  int fd() const { return inotify_.fd(); }  // readable: call on_readable

  // Compares everything with what is known. The first call reads all and ends with SourceSynced, unless a path is
  // missing: then that waits for the grace, or for ever when a path is there but unreadable. Call it again at times:
  // inotify does not tell of mounts and of other machines' writes to network file systems.
  std::vector<Event> scan_all(Time now);
  std::vector<Event> on_readable(Time now);
  // When the next recheck is due; nothing when none is.
  std::optional<std::chrono::milliseconds> recheck_after(Time now) const;
  std::vector<Event> recheck(Time now);

  std::size_t file_count() const { return files_.size(); }

 private:
  struct File {
    FileStamp stamp;
    std::uint64_t content_hash = 0;
    std::vector<ObjectKey> claimed;
    std::optional<Time> lost_since;  // gone, but its objects still believed in
    bool suspicious = false;         // lost together with its mount or root: gets the long grace
    bool readable = false;           // the last look succeeded
    bool racy = false;               // its stamp may be equal though its content is not
  };
  enum class Look : std::uint8_t { kStamp, kContent };  // trust an equal stamp, or read in any case
  struct Found {
    std::map<std::string, bool> files;  // to: is a link
    std::set<std::string> directories;
    std::set<std::string> unreadable;  // directories; what lies below is unknown, not gone
  };
  // What one call gathers before it is turned into events.
  struct Pass {
    Time now;
    std::map<std::string, Look> dirty{};
    std::map<std::string, bool> lost{};  // to: suspicious
    std::set<std::string> trees{};       // directories to list again
    std::set<std::string> roots{};       // to look at again
    std::vector<Event> events{};
    bool unmounted = false;
  };
  using Inode = std::pair<std::uint64_t, std::uint64_t>;

  FilesSource(FilesOptions options, Inotify inotify) : options_(std::move(options)), inotify_(std::move(inotify)) {}

  // files_watch.cpp: which files there are, and which may have changed
  void look_at_root(const std::string& root, Pass& pass);
  void look_at_tree(const std::string& directory, Pass& pass);
  void list(const std::string& directory, std::vector<Inode>& ancestors, Found& found, Pass& pass);
  void list_entry(const std::string& path, std::vector<Inode>& ancestors, Found& found, Pass& pass);
  void lose_tree(const std::string& directory, bool suspicious, Pass& pass);
  void anchor(const std::string& root);
  void notice(const Inotify::Notice& notice, Pass& pass);
  void notice_link_target(const std::string& path, Pass& pass);
  void notice_directory(const std::string& path, std::uint32_t mask, Pass& pass);
  void notice_child(const std::string& child, std::uint32_t mask, Pass& pass);
  void notice_file(const std::string& path, std::uint32_t mask, Pass& pass);
  bool is_within_root(const std::string& path) const;
  std::vector<Inode> inodes_above(const std::string& directory) const;
  void diagnose_directory(const std::string& path, std::string reason, Pass& pass);

  // files.cpp: what they say
  std::vector<Event> finish(Pass& pass);
  void read_dirty(Pass& pass);
  std::optional<FileText> load_changed(const std::string& path, Look look, Pass& pass);
  void take_text(const std::string& path, const FileText& text, Decoded decoded, Pass& pass);
  void find_again(const std::string& path, Pass& pass);
  void report_unreadable(const std::string& path, const FileProblem& problem, Pass& pass);
  void settle_lost(Pass& pass);
  void forget(const std::string& path, Pass& pass);
  void sync_when_complete(Pass& pass);
  void warn_of_loss(std::size_t lost_objects, Pass& pass);
  bool lost_most(std::size_t lost_objects) const;
  std::chrono::milliseconds patience(const File& file, std::size_t lost_objects) const;
  std::size_t lost_objects() const;
  ManifestOrigin origin(const std::string& path, Time now) const { return {options_.source, path, now}; }

  FilesOptions options_;
  Inotify inotify_;
  std::map<std::string, File> files_;
  std::set<std::string> lost_;                  // files that have a lost_since
  std::size_t claimed_ = 0;                     // objects of all files
  std::map<std::string, std::string> anchors_;  // root → the directory that is watched for its appearance
  std::set<std::string> missing_roots_;
  std::map<std::string, std::string> directory_reasons_;  // directories with a diagnostic
  std::set<std::string> unreadable_roots_;
  std::set<std::string> unsettled_;  // may be in the middle of a write in place
  std::optional<Time> unsettled_since_;
  std::optional<Time> started_;
  bool warned_of_loss_ = false;
  bool synced_ = false;
};

}  // namespace weft
