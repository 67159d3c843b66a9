#include "agent/cli/tar.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

namespace weft::cli {
namespace {

constexpr std::size_t kBlock = 512;
constexpr std::size_t kLargestArchive = 1 << 30;  // unpacked
constexpr int kGzipWindow = 15 + 16;              // zlib: the largest window, gzip header

// Offsets and lengths of the fields that we use (POSIX.1-1988, ustar).
struct Header {
  std::array<char, kBlock> bytes{};

  void put(std::size_t offset, std::string_view text) { std::memcpy(bytes.data() + offset, text.data(), text.size()); }
  std::string_view text(std::size_t offset, std::size_t size) const {
    std::string_view field(bytes.data() + offset, size);
    return field.substr(0, std::min(field.find('\0'), field.size()));
  }
  unsigned checksum() const {
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(bytes[i]);
    return sum;
  }
};

Header make_header(const ArchiveFile& file, std::uint64_t time_s) {
  WEFT_ASSERT(file.name.size() <= 100);
  Header header;
  header.put(0, file.name);
  header.put(100, "0000600");
  header.put(108, "0000000");
  header.put(116, "0000000");
  header.put(124, fmt::format("{:011o}", file.content.size()));
  header.put(136, fmt::format("{:011o}", time_s));
  header.put(156, "0");
  header.put(257, std::string_view("ustar\00000", 8));
  header.put(148, fmt::format("{:06o}", header.checksum()));
  header.bytes[155] = ' ';
  return header;
}

std::optional<std::uint64_t> parse_octal(std::string_view text) {
  std::uint64_t value = 0;
  for (char c : text) {
    if (c == ' ') break;
    if (c < '0' || c > '7') return std::nullopt;
    value = value * 8 + static_cast<unsigned>(c - '0');
  }
  return value;
}

std::string deflate_all(std::string_view bytes) {
  z_stream stream{};
  WEFT_ASSERT(deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  WEFT_ASSERT(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Result<std::string> inflate_all(std::string_view bytes) {
  z_stream stream{};
  WEFT_ASSERT(inflateInit2(&stream, kGzipWindow) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string unpacked;
  std::array<char, 65536> chunk;
  int state = Z_OK;
  while (state == Z_OK && unpacked.size() <= kLargestArchive) {
    stream.next_out = reinterpret_cast<Bytef*>(chunk.data());
    stream.avail_out = chunk.size();
    state = inflate(&stream, Z_NO_FLUSH);
    unpacked.append(chunk.data(), chunk.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (unpacked.size() > kLargestArchive) return fail(EFBIG, "is larger than 1 GiB when unpacked");
  if (state != Z_STREAM_END) return fail(EINVAL, "is not a whole gzip file");
  return unpacked;
}

}  // namespace

std::string make_archive(const std::vector<ArchiveFile>& files, std::uint64_t time_s) {
  std::string tar;
  for (const auto& file : files) {
    auto header = make_header(file, time_s);
    tar.append(header.bytes.data(), kBlock);
    tar += file.content;
    tar.append((kBlock - file.content.size() % kBlock) % kBlock, '\0');
  }
  tar.append(2 * kBlock, '\0');
  return deflate_all(tar);
}

Result<std::vector<ArchiveFile>> read_archive(std::string_view bytes) {
  auto tar = WEFT_TRY(inflate_all(bytes));
  std::vector<ArchiveFile> files;
  for (std::size_t at = 0; at + kBlock <= tar.size();) {
    Header header;
    std::memcpy(header.bytes.data(), tar.data() + at, kBlock);
    if (header.bytes[0] == '\0') break;
    auto sum = parse_octal(header.text(148, 8));
    auto size = parse_octal(header.text(124, 12));
    at += kBlock;
    if (!sum || *sum != header.checksum() || !size || *size > tar.size() - at)
      return fail(EINVAL, "is not a whole tar archive");
    if (header.bytes[156] == '0' || header.bytes[156] == '\0')
      files.push_back({std::string(header.text(0, 100)), tar.substr(at, *size)});
    at += (*size + kBlock - 1) / kBlock * kBlock;
  }
  return files;
}

}  // namespace weft::cli
