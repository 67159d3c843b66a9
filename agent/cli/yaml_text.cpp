#include "agent/cli/yaml_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/base/yaml.hpp"
#include "agent/cli/text.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

// `text` has no meaning of its own in YAML: a letter first, then letters, digits and harmless marks.
bool is_plain(const std::string& text) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (text.empty() || text.size() > 120) return false;
  if (!letter(text[0]) && text[0] != '/') return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    bool inner_colon = c == ':' && i + 1 < text.size() && text[i + 1] != ' ';
    bool inner_space = c == ' ' && i + 1 < text.size() && text[i + 1] != ' ' && text[i + 1] != '#';
    if (!letter(c) && !digit(c) && std::string_view("/._-").find(c) == std::string_view::npos && !inner_colon &&
        !inner_space)
      return false;
  }
  // What YAML 1.1 or 1.2 reads as true, false, null or a number that begins with a letter.
  for (std::string_view word : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
    if (text.size() == word.size() &&
        std::equal(text.begin(), text.end(), word.begin(), [](char a, char b) { return (a | 0x20) == b; }))
      return false;
  return true;
}

std::string scalar(const json& value) {
  if (value.is_string() && is_plain(value.get_ref<const std::string&>())) return value.get<std::string>();
  if (value.is_array()) return "[]";
  if (value.is_object()) return "{}";
  return safe_json(value, -1);
}

// Bytes of the UTF-8 sequence at `i`; the text is valid.
std::size_t sequence_length(const std::string& text, std::size_t i) {
  std::size_t length = 1;
  while (i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xc0) == 0x80) ++length;
  return length;
}

std::string ascii_json(std::string_view sequence) {
  if (sequence == "\x7f") return "\\u007f";
  auto quoted = json(sequence).dump(-1, ' ', true);
  return quoted.substr(1, quoted.size() - 2);
}

void emit(const json& value, std::size_t indent, bool after_dash, std::string& text);

void emit_child(const json& child, std::size_t indent, std::string& text) {
  if (!child.is_structured() || child.empty()) {
    text += " " + scalar(child) + "\n";
    return;
  }
  text += "\n";
  emit(child, indent, false, text);
}

void emit(const json& value, std::size_t indent, bool after_dash, std::string& text) {
  bool first = true;
  auto begin_line = [&] {
    if (!first || !after_dash) text.append(indent, ' ');
    first = false;
  };
  if (value.is_object())
    for (const auto& [key, child] : value.items()) {
      begin_line();
      text += scalar(json(key)) + ":";
      emit_child(child, child.is_array() ? indent : indent + 2, text);
    }
  if (value.is_array())
    for (const auto& child : value) {
      begin_line();
      text += "-";
      if (child.is_object() && !child.empty())
        text += " ", emit(child, indent + 2, true, text);
      else
        emit_child(child, indent + 2, text);
    }
}

}  // namespace

std::string yaml_text(const json& value) {
  if (!value.is_structured() || value.empty()) return scalar(value) + "\n";
  std::string text;
  emit(value, 0, false, text);
  return text;
}

std::string safe_json(const json& value, int indent) {
  auto dumped = value.dump(indent, ' ', false, json::error_handler_t::replace);
  std::string safe;
  safe.reserve(dumped.size());
  for (std::size_t i = 0; i < dumped.size();) {
    auto length = sequence_length(dumped, i);
    auto one = std::string_view(dumped).substr(i, length);
    bool harmless = length == 1 ? one != "\x7f" : escaped(one) == one;
    // Only strings can hold the others, so an escape keeps the meaning.
    safe += harmless ? std::string(one) : ascii_json(one);
    i += length;
  }
  return safe;
}

}  // namespace weft::cli
