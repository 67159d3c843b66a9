// Small .tar.gz archives (POSIX.1-1988 ustar), regular files only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"

namespace weft::cli {

struct ArchiveFile {
  std::string name;  // relative, at most 100 bytes
  std::string content;
};

// `time_s` is the modification time of all files, seconds since 1970.
std::string make_archive(const std::vector<ArchiveFile>& files, std::uint64_t time_s);

// Refuses what is damaged, larger than 1 GiB unpacked, or not an archive; skips everything but regular files.
Result<std::vector<ArchiveFile>> read_archive(std::string_view bytes);

}  // namespace weft::cli
