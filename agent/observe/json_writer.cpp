#include "agent/observe/json_writer.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "agent/observe/utf8.hpp"

namespace weft {
namespace {

bool plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\r':
      out += "\\r";
      return;
  }
  fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned char>(c));
}

void append_string(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && plain(text[run])) ++run;
    out += text.substr(0, run);
    text.remove_prefix(run);
    if (text.empty()) return;
    auto length = utf8_length(text);
    if (length > 1)
      out += text.substr(0, length);
    else if (length == 1)
      append_escaped(out, text[0]);
    else
      out += kReplacementCharacter;
    text.remove_prefix(length > 0 ? length : 1);
  }
}

}  // namespace

void JsonWriter::separate() {
  if (!first_) *out_ += ',';
  first_ = false;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  *out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  *out_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  value(name);
  *out_ += ':';
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  *out_ += '"';
  append_string(*out_, text);
  *out_ += '"';
  return *this;
}

JsonWriter& JsonWriter::value(double number) {
  separate();
  if (!std::isfinite(number)) number = 0;
  double whole = std::trunc(number);
  if (whole == number && std::fabs(number) < 1e15) {
    fmt::format_to(std::back_inserter(*out_), "{}", static_cast<std::int64_t>(number));
    return *this;
  }
  auto text = fmt::format("{:.6f}", number);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  *out_ += text;
  return *this;
}

JsonWriter& JsonWriter::integer(bool negative, std::uint64_t magnitude) {
  separate();
  if (negative) *out_ += '-';
  fmt::format_int digits(magnitude);
  out_->append(digits.data(), digits.size());
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  *out_ += json;
  return *this;
}

}  // namespace weft
