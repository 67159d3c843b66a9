#include "agent/discovery/files.hpp"

#include <algorithm>
#include <filesystem>
#include <thread>

#include "agent/base/document.hpp"

namespace weft {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kSettle{100};       // editors and git delete a file and make it anew within this
constexpr milliseconds kWritePause{1000};  // after this a file written in place is taken as it is
constexpr std::size_t kFewObjects = 10;    // losing most of fewer needs no second look
constexpr std::size_t kTextsWorthThreads = 64;
constexpr unsigned kMostThreads = 4;

std::uint64_t hash_of(std::string_view text) { return std::hash<std::string_view>{}(text); }

std::string normal_path(const std::string& path) {
  auto normal = std::filesystem::absolute(path).lexically_normal().string();
  while (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

Diagnostic about(const std::string& path, Diagnostic::Severity severity, FindingCode code, std::string reason) {
  return {severity, finding_code(code), {}, {}, std::move(reason), path};
}

// Decodes in parallel when there is much: this is pure work, and reading YAML is most of a cold start.
std::vector<Decoded> decode_all(const std::vector<std::pair<std::string, FileText>>& texts) {
  std::vector<Decoded> out(texts.size());
  auto stride =
      texts.size() < kTextsWorthThreads ? 1 : std::clamp(std::thread::hardware_concurrency(), 1U, kMostThreads);
  auto work = [&](std::size_t first) {
    for (std::size_t i = first; i < texts.size(); i += stride)
      out[i] = decode_manifest(texts[i].first, texts[i].second.text);
  };
  std::vector<std::jthread> helpers;
  for (unsigned i = 1; i < stride; ++i) helpers.emplace_back(work, i);
  work(0);
  return out;
}

}  // namespace

Result<FilesSource> FilesSource::open(FilesOptions options) {
  for (auto& path : options.paths) path = normal_path(path);
  std::ranges::sort(options.paths);
  auto twins = std::ranges::unique(options.paths);
  options.paths.erase(twins.begin(), twins.end());
  auto inotify = WEFT_TRY(Inotify::open());
  return FilesSource(std::move(options), std::move(inotify));
}

std::vector<Event> FilesSource::scan_all(Time now) {
  Pass pass{now};
  if (!started_) started_ = now;
  // What was closed before this call is read by it, even when its stamp is too fresh to be trusted.
  inotify_.drain([&](const Inotify::Notice& what) { notice(what, pass); });
  pass.roots.insert(options_.paths.begin(), options_.paths.end());
  return finish(pass);
}

std::vector<Event> FilesSource::on_readable(Time now) {
  Pass pass{now};
  bool complete = inotify_.drain([&](const Inotify::Notice& what) { notice(what, pass); });
  if (!complete) pass.roots.insert(options_.paths.begin(), options_.paths.end());
  return finish(pass);
}

std::vector<Event> FilesSource::recheck(Time now) {
  Pass pass{now};
  for (const auto& path : lost_) pass.dirty.emplace(path, Look::kContent);
  if (unsettled_since_ && now - *unsettled_since_ >= kWritePause) {
    for (const auto& path : unsettled_) pass.dirty.insert_or_assign(path, Look::kContent);
    unsettled_.clear();
    unsettled_since_.reset();
  }
  pass.roots = missing_roots_;
  return finish(pass);
}

std::optional<milliseconds> FilesSource::recheck_after(Time now) const {
  std::optional<Time> due;
  auto no_later_than = [&](Time time) { due = due ? std::min(*due, time) : time; };
  auto lost = lost_objects();
  for (const auto& path : lost_) no_later_than(*files_.at(path).lost_since + patience(files_.at(path), lost));
  if (unsettled_since_) no_later_than(*unsettled_since_ + kWritePause);
  if (!synced_ && started_ && unreadable_roots_.empty()) no_later_than(*started_ + options_.grace);
  if (!due) return std::nullopt;
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*due - now));
}

std::vector<Event> FilesSource::finish(Pass& pass) {
  for (const auto& root : pass.roots) look_at_root(root, pass);
  for (const auto& tree : pass.trees) look_at_tree(tree, pass);
  read_dirty(pass);
  settle_lost(pass);
  sync_when_complete(pass);
  return std::move(pass.events);
}

void FilesSource::read_dirty(Pass& pass) {
  std::vector<std::pair<std::string, FileText>> texts;
  for (const auto& [path, look] : pass.dirty)
    if (auto text = load_changed(path, look, pass)) texts.emplace_back(path, std::move(*text));
  auto decoded = decode_all(texts);
  for (std::size_t i = 0; i < texts.size(); ++i)
    take_text(texts[i].first, texts[i].second, std::move(decoded[i]), pass);
}

// The text of `path` when it is not what was read last.
std::optional<FileText> FilesSource::load_changed(const std::string& path, Look look, Pass& pass) {
  auto known = files_.find(path);
  bool trusted = look == Look::kStamp && known != files_.end() && known->second.readable;
  struct stat status{};
  if (trusted && ::stat(path.c_str(), &status) == 0) {
    auto stamp = stamp_of(status);
    auto& file = known->second;
    find_again(path, pass);
    if (stamp == file.stamp && !file.racy) return std::nullopt;
    if (stamp.inode == file.stamp.inode && stamp != file.stamp && is_racy(stamp)) {
      unsettled_.insert(path);
      if (!unsettled_since_) unsettled_since_ = pass.now;
      return std::nullopt;
    }
  }
  auto text = load_file_text(path, TextLimits{}.bytes);
  if (!text) {
    report_unreadable(path, text.error(), pass);
    return std::nullopt;
  }
  auto& file = files_[path];
  bool same = file.readable && file.content_hash == hash_of(text->text);
  find_again(path, pass);
  file.stamp = text->stamp;
  file.racy = is_racy(text->stamp);
  if (same) return std::nullopt;
  return std::move(*text);
}

void FilesSource::find_again(const std::string& path, Pass& pass) {
  pass.lost.erase(path);
  if (lost_.erase(path) != 0) files_.at(path).lost_since.reset();
}

void FilesSource::take_text(const std::string& path, const FileText& text, Decoded decoded, Pass& pass) {
  auto& file = files_[path];
  file.content_hash = hash_of(text.text);
  file.readable = true;
  claimed_ -= file.claimed.size();
  auto events = manifest_events(origin(path, pass.now), std::move(decoded), file.claimed);
  claimed_ += file.claimed.size();
  std::ranges::move(events, std::back_inserter(pass.events));
}

void FilesSource::report_unreadable(const std::string& path, const FileProblem& problem, Pass& pass) {
  if (problem.missing) {
    pass.lost.emplace(path, false);
    return;
  }
  auto& file = files_[path];
  file.readable = false;
  find_again(path, pass);
  auto diagnostic = about(path, Diagnostic::Severity::kError, problem.code, problem.reason);
  pass.events.push_back({OriginDiagnosed{options_.source, path, {std::move(diagnostic)}}, pass.now});
}

std::size_t FilesSource::lost_objects() const {
  std::size_t count = 0;
  for (const auto& path : lost_) count += files_.at(path).claimed.size();
  return count;
}

bool FilesSource::lost_most(std::size_t lost_objects) const {
  return lost_objects >= kFewObjects && lost_objects > claimed_ / 2;
}

milliseconds FilesSource::patience(const File& file, std::size_t lost_objects) const {
  return file.suspicious || lost_most(lost_objects) ? options_.grace : std::min(kSettle, options_.grace);
}

void FilesSource::settle_lost(Pass& pass) {
  for (const auto& [path, suspicious] : pass.lost) {
    auto it = files_.find(path);
    if (it == files_.end()) continue;
    if (lost_.insert(path).second) it->second.lost_since = pass.now, it->second.suspicious = false;
    it->second.suspicious |= suspicious || pass.unmounted;
  }
  auto lost = lost_objects();
  std::vector<std::string> over;
  std::size_t still_lost = 0;
  bool waiting_long = false;
  for (const auto& path : lost_) {
    const auto& file = files_.at(path);
    if (pass.now - *file.lost_since >= patience(file, lost))
      over.push_back(path);
    else
      still_lost += file.claimed.size(), waiting_long |= file.suspicious || lost_most(lost);
  }
  for (const auto& path : over) forget(path, pass);
  warn_of_loss(waiting_long ? still_lost : 0, pass);
}

void FilesSource::forget(const std::string& path, Pass& pass) {
  auto it = files_.find(path);
  claimed_ -= it->second.claimed.size();
  auto events = manifest_gone_events(origin(path, pass.now), it->second.claimed);
  std::ranges::move(events, std::back_inserter(pass.events));
  inotify_.unwatch(path);
  unsettled_.erase(path);
  lost_.erase(path);
  files_.erase(it);
}

void FilesSource::warn_of_loss(std::size_t lost_objects, Pass& pass) {
  if (warned_of_loss_ == (lost_objects > 0)) return;
  warned_of_loss_ = lost_objects > 0;
  std::vector<Diagnostic> diagnostics;
  if (warned_of_loss_)
    diagnostics.push_back(about(options_.source, Diagnostic::Severity::kWarning, FindingCode::kSourceShrank,
                                std::to_string(lost_objects) + " of " + std::to_string(claimed_) +
                                    " objects vanished at once; they are deleted unless they come back in a moment"));
  pass.events.push_back({OriginDiagnosed{options_.source, options_.source, std::move(diagnostics)}, pass.now});
}

void FilesSource::sync_when_complete(Pass& pass) {
  if (synced_ || !started_ || !unreadable_roots_.empty()) return;
  if (!missing_roots_.empty() && pass.now - *started_ < options_.grace) return;
  synced_ = true;
  pass.events.push_back({SourceSynced{options_.source}, pass.now});
}

}  // namespace weft
