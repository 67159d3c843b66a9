// Text for terminals: nothing that a name carries can move the cursor, and columns line up whatever the script.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weft::cli {

// Control characters, bidirectional overrides and bytes that are not UTF-8 as \xNN or \u{NNNN}.
std::string escaped(std::string_view text);

// Columns that `text` takes on a terminal; wide East Asian characters take two, combining ones none.
int display_width(std::string_view text);

// `text` cut to `width` columns, the last one being `mark` when something was cut.
std::string cut_to(std::string_view text, int width, std::string_view mark);

// Filled with spaces up to `width` columns.
std::string padded(std::string_view text, int width, bool right = false);

// "1.5 MiB", "300 B".
std::string bytes_text(double bytes);
// "3.2/s", "0".
std::string rate_text(double per_second);
// "1.5 MiB/s".
std::string byte_rate_text(double bytes_per_second);
// "350ms", "2m5s", "3d4h".
std::string duration_text(double milliseconds);
// "120us", "1.5ms"; for round trips.
std::string microseconds_text(double microseconds);

// "500ms", "5s", "2m", "1h" or plain seconds; more than zero.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text);

std::string joined(const std::vector<std::string>& parts, std::string_view separator);
std::vector<std::string> split_lines(std::string_view text);
// Breaks at spaces; every line at most `width` columns unless a word is longer.
std::vector<std::string> wrapped(std::string_view text, int width);

}  // namespace weft::cli
