#include "agent/base/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace weft {
namespace {

const nlohmann::json kNull;

bool is_plain_key(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

std::string field_token(std::string_view key) {
  return is_plain_key(key) ? std::string(key) : "[" + in_quotes(key) + "]";
}

void append_field(std::string& path, std::string_view key) {
  auto token = field_token(key);
  if (!path.empty() && token[0] != '[') path += '.';
  path += token;
}

void append_pointer(std::string& path, std::string_view key) {
  path += '/';
  for (char c : key) path += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
}

std::string shown(const nlohmann::json& value) {
  if (value.is_string()) return "the text " + in_quotes(value.get_ref<const std::string&>());
  if (value.is_object()) return "a map";
  if (value.is_array()) return "a list";
  return value.dump();
}

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each at cost 1.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) cost[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) cost[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      auto substitution = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, substitution});
      bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  return cost[a.size()][b.size()];
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return out;
}

}  // namespace

std::string_view nearest_word(std::string_view word, std::initializer_list<std::string_view> candidates) {
  constexpr std::size_t kLongestWord = 64;
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t best_cost = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (auto candidate : candidates)
    if (auto cost = edit_distance(lower(word), lower(candidate)); cost < best_cost) best = candidate, best_cost = cost;
  return best;
}

std::string printable(std::string_view text, std::size_t most_bytes) {
  auto cut = text.size() > most_bytes;
  auto end = cut ? most_bytes : text.size();
  while (cut && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  std::string out;
  for (char c : text.substr(0, end)) {
    auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte == 0x7F ? fmt::format("\\x{:02x}", byte) : std::string(1, c);
  }
  return cut ? out + "…" : out;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t kMostBytes = 80;
  return "'" + printable(text, kMostBytes) + "'";
}

JsonCursor::JsonCursor(const nlohmann::json& value, std::vector<JsonProblem>& problems)
    : value_(&value), problems_(&problems) {}

JsonCursor::JsonCursor(const JsonCursor* parent, std::string_view key, std::size_t index, const nlohmann::json& value)
    : value_(&value), problems_(parent->problems_), parent_(parent), key_(key), index_(index) {}

bool JsonCursor::present() const { return !value_->is_null(); }

const nlohmann::json* JsonCursor::find(std::string_view key) const {
  if (!value_->is_object()) return nullptr;
  const auto& map = value_->get_ref<const nlohmann::json::object_t&>();
  auto it = map.find(key);
  return it == map.end() || it->second.is_null() ? nullptr : &it->second;
}

bool JsonCursor::has(std::string_view key) const { return find(key) != nullptr; }

std::string JsonCursor::field(std::string_view key) const {
  std::string path = parent_ == nullptr ? "" : parent_->field();
  if (!key_.empty()) append_field(path, key_);
  if (index_ != kNoIndex) path += "[" + std::to_string(index_) + "]";
  if (!key.empty()) append_field(path, key);
  return path;
}

std::string JsonCursor::pointer(std::string_view key) const {
  std::string path = parent_ == nullptr ? "" : parent_->pointer();
  if (!key_.empty()) append_pointer(path, key_);
  if (index_ != kNoIndex) path += "/" + std::to_string(index_);
  if (!key.empty()) append_pointer(path, key);
  return path;
}

void JsonCursor::problem(FindingCode code, std::string_view key, std::string reason) const {
  problems_->push_back({code, field(key), pointer(key), std::move(reason), false});
}

void JsonCursor::warning(FindingCode code, std::string_view key, std::string reason) const {
  problems_->push_back({code, field(key), pointer(key), std::move(reason), true});
}

void JsonCursor::wrong_type(std::string_view key, std::string_view wanted, const nlohmann::json& got) const {
  problem(FindingCode::kFieldType, key, fmt::format("must be {}, not {}", wanted, shown(got)));
}

std::string JsonCursor::string(std::string_view key, std::string_view otherwise) const {
  const auto* value = find(key);
  if (value == nullptr) return std::string(otherwise);
  if (value->is_string()) return value->get_ref<const std::string&>();
  wrong_type(key, "text", *value);
  return std::string(otherwise);
}

std::string JsonCursor::required_string(std::string_view key) const {
  const auto* value = find(key);
  if (value == nullptr || (value->is_string() && value->get_ref<const std::string&>().empty())) {
    problem(FindingCode::kFieldMissing, key, "is required");
    return {};
  }
  return string(key);
}

bool JsonCursor::boolean(std::string_view key, bool otherwise) const {
  const auto* value = find(key);
  if (value == nullptr) return otherwise;
  if (value->is_boolean()) return value->get<bool>();
  wrong_type(key, "true or false", *value);
  return otherwise;
}

std::optional<std::int64_t> JsonCursor::integer_of(const nlohmann::json& value, std::string_view key,
                                                   std::int64_t least, std::int64_t most) const {
  if (!value.is_number_integer()) {
    wrong_type(key, "a whole number", value);
    return std::nullopt;
  }
  constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  bool beyond = value.is_number_unsigned() && value.get<std::uint64_t>() > kMost;
  auto number = beyond ? 0 : value.get<std::int64_t>();
  if (!beyond && number >= least && number <= most) return number;
  problem(FindingCode::kFieldRange, key, fmt::format("must be from {} to {}, not {}", least, most, value.dump()));
  return std::nullopt;
}

std::optional<std::int64_t> JsonCursor::integer(std::string_view key, std::int64_t least, std::int64_t most) const {
  const auto* value = find(key);
  return value == nullptr ? std::nullopt : integer_of(*value, key, least, most);
}

std::optional<std::int64_t> JsonCursor::required_integer(std::string_view key, std::int64_t least,
                                                         std::int64_t most) const {
  if (!has(key)) problem(FindingCode::kFieldMissing, key, "is required");
  return integer(key, least, most);
}

std::optional<double> JsonCursor::number(std::string_view key, double least, double most) const {
  const auto* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    wrong_type(key, "a number", *value);
    return std::nullopt;
  }
  auto number = value->get<double>();
  if (number >= least && number <= most) return number;
  problem(FindingCode::kFieldRange, key, fmt::format("must be from {} to {}, not {}", least, most, value->dump()));
  return std::nullopt;
}

std::optional<std::string> JsonCursor::as_string() const {
  if (value_->is_string()) return value_->get<std::string>();
  wrong_type({}, "text", *value_);
  return std::nullopt;
}

std::optional<std::int64_t> JsonCursor::as_integer(std::int64_t least, std::int64_t most) const {
  return integer_of(*value_, {}, least, most);
}

std::vector<std::string> JsonCursor::strings(std::string_view key) const {
  std::vector<std::string> out;
  for (const auto& item : items(key))
    if (auto text = item.as_string()) out.push_back(std::move(*text));
  return out;
}

std::map<std::string, std::string, std::less<>> JsonCursor::string_map(std::string_view key) const {
  std::map<std::string, std::string, std::less<>> out;
  auto map = object(key);
  for (const auto& member : map.members())
    if (auto text = member.as_string()) out.emplace(member.key(), std::move(*text));
  return out;
}

JsonCursor JsonCursor::object(std::string_view key) const& {
  const auto* value = find(key);
  if (value != nullptr && value->is_object()) return {this, key, kNoIndex, *value};
  if (value != nullptr) wrong_type(key, "a map", *value);
  return {this, key, kNoIndex, kNull};
}

std::vector<JsonCursor> JsonCursor::items(std::string_view key) const& {
  std::vector<JsonCursor> out;
  const auto* value = find(key);
  if (value == nullptr) return out;
  if (!value->is_array()) {
    wrong_type(key, "a list", *value);
    return out;
  }
  out.reserve(value->size());
  for (std::size_t i = 0; i < value->size(); ++i) out.push_back(JsonCursor(this, key, i, (*value)[i]));
  return out;
}

std::vector<JsonCursor> JsonCursor::objects(std::string_view key) const& {
  auto all = items(key);
  std::erase_if(all, [](const JsonCursor& item) {
    if (item.value_->is_object()) return false;
    item.wrong_type({}, "a map", *item.value_);
    return true;
  });
  return all;
}

std::vector<JsonCursor> JsonCursor::members() const& {
  std::vector<JsonCursor> out;
  if (!value_->is_object()) return out;
  for (const auto& [key, value] : value_->get_ref<const nlohmann::json::object_t&>())
    out.push_back(JsonCursor(this, key, kNoIndex, value));
  return out;
}

void JsonCursor::refuse_unknown(std::initializer_list<std::string_view> known) const {
  for (const auto& member : members()) {
    if (std::ranges::find(known, member.key_) != known.end()) continue;
    auto near = nearest_word(member.key_, known);
    auto hint =
        near.empty() ? fmt::format("known are {}", fmt::join(known, ", ")) : fmt::format("did you mean '{}'?", near);
    problem(FindingCode::kFieldUnknown, member.key_,
            fmt::format("{} is not a known field; {}", in_quotes(member.key_), hint));
  }
}

}  // namespace weft
