#include "agent/base/duration.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <utility>

namespace weft {
namespace {

constexpr std::string_view kSeparators = "?--T::";  // before each part of a time but the first
constexpr std::uint64_t kMost = std::uint64_t{1} << 53;
constexpr std::array<std::pair<char, std::uint64_t>, 4> kUnits{{{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}}};

// The number of exactly `digits` digits at the front, taken off the text; -1 when there is none.
int take_number(std::string_view& text, std::size_t digits) {
  unsigned number = 0;
  if (text.size() < digits) return -1;
  auto [end, problem] = std::from_chars(text.data(), text.data() + digits, number);
  if (problem != std::errc() || end != text.data() + digits) return -1;
  text.remove_prefix(digits);
  return static_cast<int>(number);
}

bool take(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

bool take_fraction(std::string_view& text) {
  if (!take(text, '.')) return true;
  auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(digits);
  return digits > 0;
}

// "Z", "+02:00": minutes east of Greenwich.
std::optional<int> take_offset(std::string_view& text) {
  if (take(text, 'Z')) return 0;
  int sign = take(text, '-') ? -1 : take(text, '+') ? 1 : 0;
  auto hours = sign == 0 ? -1 : take_number(text, 2);
  auto minutes = take(text, ':') ? take_number(text, 2) : -1;
  if (hours < 0 || minutes < 0 || hours > 23 || minutes > 59) return std::nullopt;
  return sign * (hours * 60 + minutes);
}

}  // namespace

std::optional<std::uint64_t> parse_seconds(std::string_view text) {
  std::uint64_t sum = 0;
  std::size_t next_unit = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    std::uint64_t number = 0;
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end == text.data() + text.size() || number > kMost) return std::nullopt;
    while (next_unit < kUnits.size() && kUnits[next_unit].first != *end) ++next_unit;
    if (next_unit == kUnits.size()) return std::nullopt;
    if (number > kMost / kUnits[next_unit].second) return std::nullopt;
    sum += number * kUnits[next_unit++].second;
    if (sum > kMost) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end + 1 - text.data()));
  }
  return sum;
}

std::string seconds_text(std::uint64_t seconds) {
  std::string out;
  for (const auto& [unit, size] : kUnits) {
    if (seconds >= size) out += std::to_string(seconds / size) + unit;
    seconds %= size;
  }
  return out.empty() ? "0s" : out;
}

std::optional<std::int64_t> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  std::array<int, 6> parts{};  // year, month, day, hour, minute, second
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0 && !take(text, kSeparators[i])) return std::nullopt;
    parts[i] = take_number(text, i == 0 ? 4 : 2);
    if (parts[i] < 0) return std::nullopt;
  }
  year_month_day date{year(parts[0]), month(static_cast<unsigned>(parts[1])), day(static_cast<unsigned>(parts[2]))};
  if (!date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 60 || !take_fraction(text)) return std::nullopt;
  auto offset = take_offset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return sys_days(date).time_since_epoch() / seconds(1) + (parts[3] * 60 + parts[4] - *offset) * 60 + parts[5];
}

}  // namespace weft
