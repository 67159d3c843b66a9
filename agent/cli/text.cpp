#include "agent/cli/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace weft::cli {
namespace {

struct Decoded {
  char32_t code = 0;
  std::size_t length = 0;  // 0: the first byte is not UTF-8
};

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
Decoded decode(std::string_view text) {
  auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return {};
  char32_t code = first & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3f);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  if (code < kSmallest[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return {};
  return {code, length};
}

using Range = std::pair<char32_t, char32_t>;

bool in_any(char32_t code, const auto& ranges) {
  return std::ranges::any_of(ranges,
                             [code](const Range& range) { return code >= range.first && code <= range.second; });
}

// C0, DEL, C1, line and paragraph separators, and what reorders or hides text (UAX #9, zero-width, tags).
bool is_dangerous(char32_t code) {
  static constexpr Range kRanges[] = {{0, 0x1f},        {0x7f, 0x9f},     {0x61c, 0x61c},
                                      {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2069},
                                      {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe007f}};
  return in_any(code, kRanges);
}

bool is_combining(char32_t code) {
  static constexpr Range kRanges[] = {{0x300, 0x36f},   {0x483, 0x489},   {0x591, 0x5bd},   {0x610, 0x61a},
                                      {0x64b, 0x65f},   {0x900, 0x902},   {0x93a, 0x93c},   {0x941, 0x948},
                                      {0xe31, 0xe3a},   {0xe47, 0xe4e},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff},
                                      {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0xe0100, 0xe01ef}};
  return in_any(code, kRanges);
}

// UAX #11, wide and full width, by block.
bool is_wide(char32_t code) {
  static constexpr Range kRanges[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
                                      {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},
                                      {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff01, 0xff60},
                                      {0xffe0, 0xffe6},   {0x16fe0, 0x18aff}, {0x1b000, 0x1b2ff}, {0x1f300, 0x1f64f},
                                      {0x1f680, 0x1f6ff}, {0x1f900, 0x1faff}, {0x20000, 0x3fffd}};
  return in_any(code, kRanges);
}

int code_width(char32_t code) { return is_combining(code) ? 0 : is_wide(code) ? 2 : 1; }

std::string scaled(double value, double step, const auto& units) {
  std::size_t unit = 0;
  while (value >= step && unit + 1 < std::size(units)) value /= step, ++unit;
  if (unit == 0 || value >= 100) return fmt::format("{:.0f} {}", value, units[unit]);
  return fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  while (!text.empty()) {
    auto [code, length] = decode(text);
    if (length == 0)
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[0])), length = 1;
    else if (!is_dangerous(code))
      safe += text.substr(0, length);
    else
      safe += code < 0x80 ? fmt::format("\\x{:02x}", static_cast<unsigned>(code))
                          : fmt::format("\\u{{{:04x}}}", static_cast<unsigned>(code));
    text.remove_prefix(length);
  }
  return safe;
}

int display_width(std::string_view text) {
  int width = 0;
  while (!text.empty()) {
    auto [code, length] = decode(text);
    width += length == 0 ? 1 : code_width(code);
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return width;
}

std::string cut_to(std::string_view text, int width, std::string_view mark) {
  if (display_width(text) <= width) return std::string(text);
  auto room = width - display_width(mark);
  std::string kept;
  while (!text.empty()) {
    auto [code, length] = decode(text);
    room -= length == 0 ? 1 : code_width(code);
    if (room < 0) break;
    kept += text.substr(0, std::max<std::size_t>(length, 1));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return width > 0 ? kept.append(mark) : "";
}

std::string padded(std::string_view text, int width, bool right) {
  std::string fill(static_cast<std::size_t>(std::max(0, width - display_width(text))), ' ');
  return right ? fill.append(text) : std::string(text) + fill;
}

std::string bytes_text(double bytes) {
  static constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  return scaled(bytes, 1024, kUnits);
}

std::string rate_text(double per_second) {
  if (per_second == 0) return "0/s";
  return per_second >= 100 ? fmt::format("{:.0f}/s", per_second) : fmt::format("{:.1f}/s", per_second);
}

std::string byte_rate_text(double bytes_per_second) { return bytes_text(bytes_per_second) + "/s"; }

std::string duration_text(double milliseconds) {
  if (milliseconds < 1000) return fmt::format("{:.0f}ms", milliseconds);
  auto seconds = static_cast<std::int64_t>(milliseconds / 1000);
  if (seconds < 10) return fmt::format("{:.1f}s", milliseconds / 1000);
  if (seconds < 60) return fmt::format("{}s", seconds);
  if (seconds < 3600) return fmt::format("{}m{}s", seconds / 60, seconds % 60);
  if (seconds < 86400) return fmt::format("{}h{}m", seconds / 3600, seconds / 60 % 60);
  return fmt::format("{}d{}h", seconds / 86400, seconds / 3600 % 24);
}

std::string microseconds_text(double microseconds) {
  if (microseconds < 1000) return fmt::format("{:.0f}us", microseconds);
  if (microseconds < 1000000) return fmt::format("{:.1f}ms", microseconds / 1000);
  return fmt::format("{:.1f}s", microseconds / 1000000);
}

std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) {
  double number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (problem != std::errc()) return std::nullopt;
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  double factor = unit == "ms" ? 1 : unit.empty() || unit == "s" ? 1e3 : unit == "m" ? 6e4 : unit == "h" ? 3.6e6 : 0;
  constexpr double kLongestMs = 365.0 * 86400e3;
  auto milliseconds = number * factor;
  if (!(milliseconds >= 1) || milliseconds > kLongestMs) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(milliseconds));
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  return fmt::format("{}", fmt::join(parts, separator));
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string> wrapped(std::string_view text, int width) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    auto end = std::min(text.find(' '), text.size());
    auto word = text.substr(0, end);
    if (!line.empty() && display_width(line) + 1 + display_width(word) > width)
      lines.push_back(std::exchange(line, ""));
    line += (line.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace weft::cli
