// read_json: nlohmann's event parser over an iterator that counts, because the parser itself tells no places.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/base/document_builder.hpp"
#include "agent/base/json.hpp"

namespace weft {
namespace {

class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, std::size_t* consumed) : at_(at), consumed_(consumed) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*consumed_;
    return *this;
  }
  CountingIterator operator++(int) {
    auto before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }

 private:
  const char* at_;
  std::size_t* consumed_;
};

// Line and column of offsets that only grow.
class PlaceCounter {
 public:
  PlaceCounter(std::string_view text, std::uint32_t first_line) : text_(text), line_(first_line) {}
  TextPosition at(std::size_t offset) {
    for (; seen_ < std::min(offset, text_.size()); ++seen_)
      if (text_[seen_] == '\n') ++line_, line_start_ = seen_ + 1;
    return {line_, static_cast<std::uint32_t>(seen_ - line_start_ + 1)};
  }

 private:
  std::string_view text_;
  std::size_t seen_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_;
};

// The interface that nlohmann::json::sax_parse calls. Places are those of the last byte of a token.
class Handler {
 public:
  Handler(std::string_view text, std::uint32_t first_line, const std::size_t& consumed, const TextLimits& limits)
      : builder(limits), places_(text, first_line), consumed_(consumed) {}

  bool null() { return scalar(nullptr); }
  bool boolean(bool value) { return scalar(value); }
  bool number_integer(std::int64_t value) { return scalar(value); }
  bool number_unsigned(std::uint64_t value) { return scalar(value); }
  bool number_float(double value, const std::string& text) {
    if (text.find_first_of(".eE") == std::string::npos)
      return builder.refuse(FindingCode::kFieldRange, here(),
                            "the number " + in_quotes(text) + " does not fit 64 bits");
    return scalar(value);
  }
  bool string(std::string& value) { return scalar(std::move(value)); }
  bool binary(nlohmann::json::binary_t&) { return false; }
  bool start_object(std::size_t) { return builder.open(nlohmann::json::object(), here()); }
  bool start_array(std::size_t) { return builder.open(nlohmann::json::array(), here()); }
  bool end_object() { return builder.close(); }
  bool end_array() { return builder.close(); }
  bool key(std::string& name) { return builder.key(std::move(name), here()); }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& exception) {
    std::string_view what = exception.what();
    auto detail = what.rfind(": ");
    return builder.refuse(FindingCode::kBadSyntax, here(),
                          "not valid JSON: " + printable(detail == what.npos ? what : what.substr(detail + 2)));
  }

  DocumentBuilder builder;

 private:
  TextPosition here() { return places_.at(consumed_ == 0 ? 0 : consumed_ - 1); }
  bool scalar(nlohmann::json value) { return builder.scalar(std::move(value), here()); }

  PlaceCounter places_;
  const std::size_t& consumed_;
};

std::expected<TextDocument, TextError> read_one(std::string_view text, std::uint32_t first_line,
                                                const TextLimits& limits) {
  std::size_t consumed = 0;
  Handler handler(text, first_line, consumed, limits);
  const char* begin = text.data();
  bool read = nlohmann::json::sax_parse(CountingIterator(begin, &consumed),
                                        CountingIterator(begin + text.size(), &consumed), &handler);
  if (!read || handler.builder.error())
    return std::unexpected(handler.builder.error().value_or(TextError{FindingCode::kBadSyntax, {}, "not valid JSON"}));
  return handler.builder.take();
}

constexpr std::string_view kSpace = " \t\r\n";

bool is_separator(std::string_view line) {
  return line.starts_with("---") && line.find_first_not_of(kSpace, 3) == std::string_view::npos;
}

// Where the document that begins at `at` ends: at a separator, which no line inside of a JSON text can be, or at the
// end.
std::size_t end_of_document(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    auto end = std::min(text.find('\n', at), text.size());
    if (is_separator(text.substr(at, end - at))) return at;
    at = end + 1;
  }
  return text.size();
}

}  // namespace

TextDocuments read_json(std::string_view text, const TextLimits& limits) {
  auto checked = check_text(text, limits);
  if (!checked) return std::unexpected(checked.error());
  std::vector<TextDocument> documents;
  if (checked->find_first_not_of(kSpace) == std::string_view::npos) return documents;
  auto document = read_one(*checked, 1, limits);
  if (!document) return std::unexpected(document.error());
  if (!document->value->is_null()) documents.push_back(std::move(*document));
  return documents;
}

std::optional<std::vector<TextDocument>> read_json_stream(std::string_view text, const TextLimits& limits) {
  auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos || (text[first] != '{' && text[first] != '-')) return std::nullopt;
  bool unlike_yaml = text.find("<<") != std::string_view::npos || text.find("\n\t") != std::string_view::npos ||
                     text[0] == '\t' || !check_text(text, limits);
  if (unlike_yaml) return std::nullopt;
  std::vector<TextDocument> documents;
  std::uint32_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    auto end = end_of_document(text, at);
    auto body = text.substr(at, end - at);
    if (auto begin = body.find_first_not_of(kSpace); begin != std::string_view::npos) {
      if (body[begin] != '{') return std::nullopt;
      auto document = read_one(body, line, limits);
      if (!document) return std::nullopt;
      documents.push_back(std::move(*document));
    }
    auto next = std::min(text.find('\n', end), text.size());
    line += static_cast<std::uint32_t>(std::ranges::count(body, '\n')) + 1;
    at = next + 1;
  }
  return documents;
}

}  // namespace weft
