// Reading one manifest file without ever blocking, and telling cheaply whether it changed since.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <expected>
#include <string>

#include "agent/base/findings.hpp"

namespace weft {

// Equal stamps: the same bytes, unless the file was written again within the clock's granularity (`racy`).
struct FileStamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;
};

FileStamp stamp_of(const struct stat& status);
// Whether the file was touched so recently that another write could leave the same stamp. Reads the clock.
bool is_racy(const FileStamp& stamp);

struct FileText {
  FileStamp stamp;
  std::string text;
};

struct FileProblem {
  FindingCode code = FindingCode::kFileUnreadable;
  std::string reason;
  bool missing = false;  // there is no such file, or a directory in its place
};

// The text of a regular file of at most `most_bytes`. Opens neither FIFOs nor devices; reads again when the file
// changes meanwhile, a few times at most.
std::expected<FileText, FileProblem> load_file_text(const std::string& path, std::size_t most_bytes);

}  // namespace weft
