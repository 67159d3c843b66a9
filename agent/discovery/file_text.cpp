#include "agent/discovery/file_text.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "agent/base/fd.hpp"

namespace weft {
namespace {

constexpr int kMostAttempts = 3;
constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kRacyNs = kNsPerSecond;  // above the timestamp granularity of every common file system but FAT

std::int64_t ns_of(const timespec& time) { return time.tv_sec * kNsPerSecond + time.tv_nsec; }

std::string_view type_name(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

std::unexpected<FileProblem> unreadable(int code) {
  return std::unexpected(FileProblem{FindingCode::kFileUnreadable,
                                     "cannot be read: " + std::generic_category().message(code),
                                     code == ENOENT || code == ENOTDIR});
}

std::expected<struct stat, FileProblem> check(const struct stat& status, std::size_t most_bytes) {
  if (!S_ISREG(status.st_mode))
    return std::unexpected(FileProblem{FindingCode::kFileUnreadable,
                                       fmt::format("is {}, not a regular file", type_name(status.st_mode)),
                                       S_ISDIR(status.st_mode)});
  if (static_cast<std::uint64_t>(status.st_size) > most_bytes)
    return std::unexpected(
        FileProblem{FindingCode::kTextTooLarge,
                    fmt::format("has {} bytes; at most {} are read, split it", status.st_size, most_bytes), false});
  return status;
}

std::expected<std::string, FileProblem> read_all(int fd, std::size_t most_bytes) {
  std::string text(most_bytes + 1, '\0');
  std::size_t length = 0;
  while (length < text.size()) {
    auto count = ::pread(fd, text.data() + length, text.size() - length, static_cast<off_t>(length));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return unreadable(errno);
    if (count == 0) break;
    length += static_cast<std::size_t>(count);
  }
  text.resize(length);
  text.shrink_to_fit();
  return text;
}

std::expected<struct stat, FileProblem> status_of(int fd, std::size_t most_bytes) {
  struct stat status{};
  if (::fstat(fd, &status) != 0) return unreadable(errno);
  return check(status, most_bytes);
}

}  // namespace

FileStamp stamp_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), ns_of(status.st_mtim),
          ns_of(status.st_ctim)};
}

bool is_racy(const FileStamp& stamp) {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return ns_of(now) - std::max(stamp.modified_ns, stamp.changed_ns) < kRacyNs;
}

std::expected<FileText, FileProblem> load_file_text(const std::string& path, std::size_t most_bytes) {
  struct stat named{};
  if (::stat(path.c_str(), &named) != 0) return unreadable(errno);
  if (auto good = check(named, most_bytes); !good) return std::unexpected(good.error());
  Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY));
  if (!fd) return unreadable(errno);
  for (int attempt = 1;; ++attempt) {
    auto before = status_of(fd.get(), most_bytes);
    if (!before) return std::unexpected(before.error());
    auto text = read_all(fd.get(), std::min(most_bytes, static_cast<std::size_t>(before->st_size)));
    if (!text) return std::unexpected(text.error());
    auto after = status_of(fd.get(), most_bytes);
    if (!after) return std::unexpected(after.error());
    bool steady = stamp_of(*before) == stamp_of(*after) && text->size() == static_cast<std::size_t>(after->st_size);
    if (steady || attempt == kMostAttempts) return FileText{stamp_of(*after), std::move(*text)};
  }
}

}  // namespace weft
