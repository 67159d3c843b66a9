#include "agent/compile/names.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

#include "weft/abi/types.h"

namespace weft {
namespace {

using nlohmann::json;

constexpr int kVersion = 1;
constexpr std::uint32_t kFirstReservedWorkload = 0x80000000u;

bool is_plain(std::string_view text) {
  for (unsigned char c : text)
    if (c < 0x20 || c > 0x7e || c == '"' || c == '\\') return false;
  return true;
}

// False when `text` is not UTF-8.
bool append_quoted(std::string& out, std::string_view text) {
  if (is_plain(text)) {
    out.append("\"").append(text).append("\"");
    return true;
  }
  try {
    out += json(text).dump();
    return true;
  } catch (const json::exception&) {
    return false;
  }
}

template <class Id>
bool append_entry(std::string& out, Id id, const std::string& name) {
  fmt::format_to(std::back_inserter(out), "[{},", id);
  return append_quoted(out, name);
}

template <class Id>
bool append_entry(std::string& out, Id id, const NamespacedName& name) {
  fmt::format_to(std::back_inserter(out), "[{},", id);
  if (!append_quoted(out, name.first)) return false;
  out += ",";
  return append_quoted(out, name.second);
}

template <class Id, class Name>
void append_table(std::string& out, std::string_view title, const IdMap<Id, Name>& table) {
  fmt::format_to(std::back_inserter(out), ",\n\"{}\":[", title);
  const char* separator = "\n";
  for (const auto& [id, name] : table) {
    auto start = out.size();
    out += separator;
    if (append_entry(out, id, name)) {
      out += "]";
      separator = ",\n";
    } else {
      out.resize(start);
    }
  }
  out += "]";
}

struct IdRange {
  std::uint64_t first;
  std::uint64_t last;
  std::size_t most;  // entries
};

void read_name(const json& entry, std::string& name) { name = entry.at(1).get<std::string>(); }
void read_name(const json& entry, NamespacedName& name) {
  name = {entry.at(1).get<std::string>(), entry.at(2).get<std::string>()};
}

struct NameHash : NamespacedNameHash {
  using NamespacedNameHash::operator();
  std::size_t operator()(const std::string& name) const { return std::hash<std::string>{}(name); }
};

template <class Id, class Name>
Result<IdMap<Id, Name>> read_table(const json& file, const char* title, const IdRange& range) {
  const auto& entries = file.at(title);
  if (!entries.is_array() || entries.size() > range.most)
    return fail(fmt::format("\"{}\" is not a list of names", title));
  IdMap<Id, Name> table;
  std::unordered_set<Name, NameHash> seen;
  for (const auto& entry : entries) {
    if (!entry.at(0).is_number_unsigned()) return fail(fmt::format("an id in \"{}\" is not a number", title));
    auto id = entry.at(0).get<std::uint64_t>();
    if (id < range.first || id > range.last) return fail(fmt::format("id {} in \"{}\" is out of range", id, title));
    Name name;
    read_name(entry, name);
    if (!seen.insert(name).second) return fail(fmt::format("a name in \"{}\" has two ids", title));
    if (!table.emplace(static_cast<Id>(id), std::move(name)))
      return fail(fmt::format("id {} in \"{}\" has two names", id, title));
  }
  return table;
}

Result<Names> read_names(std::string_view text) {
  auto file = json::parse(text);
  if (file.at("version") != kVersion) return fail("it was written by another version of weft");
  Names names;
  names.workloads = WEFT_TRY((read_table<std::uint32_t, NamespacedName>(
      file, "workloads", {WEFT_IDENTITY_FIRST, kFirstReservedWorkload - 1, kMaxWorkloadNames})));
  names.services =
      WEFT_TRY((read_table<std::uint32_t, NamespacedName>(file, "services", {1, UINT32_MAX, kMaxServiceNames})));
  names.zones = WEFT_TRY((read_table<std::uint16_t, std::string>(file, "zones", {1, UINT16_MAX, kMaxZoneNames})));
  return names;
}

template <class Id, class Name>
IdMap<Id, Name> keep_used(const IdMap<Id, Name>& table, const std::set<Id>& used) {
  IdMap<Id, Name> kept;
  for (const auto& [id, name] : table)
    if (used.contains(id)) kept.emplace(id, name);
  return kept;
}

}  // namespace

std::string names_to_text(const Names& names) {
  auto out = fmt::format("{{\"version\":{}", kVersion);
  append_table(out, "workloads", names.workloads);
  append_table(out, "services", names.services);
  append_table(out, "zones", names.zones);
  out += "}\n";
  return out;
}

Result<Names> names_from_text(std::string_view text) {
  if (text.size() > kMaxNamesBytes) return fail("names file: larger than 64 MiB");
  try {
    return WEFT_TRY_AS("names file", read_names(text));
  } catch (const json::exception& error) {
    return fail(fmt::format("names file: {}", error.what()));
  }
}

Names forget_unused(const Names& names, const UsedIds& used) {
  return {keep_used(names.workloads, used.workloads), keep_used(names.services, used.services),
          keep_used(names.zones, used.zones)};
}

}  // namespace weft
