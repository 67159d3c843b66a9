// read_json: nlohmann's event parser over an iterator that counts, because the parser itself tells no places.
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
  explicit PlaceCounter(std::string_view text) : text_(text) {}
  TextPosition at(std::size_t offset) {
    for (; seen_ < std::min(offset, text_.size()); ++seen_)
      if (text_[seen_] == '\n') ++line_, line_start_ = seen_ + 1;
    return {line_, static_cast<std::uint32_t>(seen_ - line_start_ + 1)};
  }

 private:
  std::string_view text_;
  std::size_t seen_ = 0;
  std::size_t line_start_ = 0;
  std::uint32_t line_ = 1;
};

// The interface that nlohmann::json::sax_parse calls. Places are those of the last byte of a token.
class Handler {
 public:
  Handler(std::string_view text, const std::size_t& consumed, const TextLimits& limits)
      : builder(limits), places_(text), consumed_(consumed) {}

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

}  // namespace

TextDocuments read_json(std::string_view text, const TextLimits& limits) {
  auto checked = check_text(text, limits);
  if (!checked) return std::unexpected(checked.error());
  std::vector<TextDocument> documents;
  if (checked->find_first_not_of(" \t\r\n") == std::string_view::npos) return documents;
  std::size_t consumed = 0;
  Handler handler(*checked, consumed, limits);
  const char* begin = checked->data();
  bool read = nlohmann::json::sax_parse(CountingIterator(begin, &consumed),
                                        CountingIterator(begin + checked->size(), &consumed), &handler);
  if (!read || handler.builder.error())
    return std::unexpected(handler.builder.error().value_or(TextError{FindingCode::kBadSyntax, {}, "not valid JSON"}));
  auto document = handler.builder.take();
  if (!document.value->is_null()) documents.push_back(std::move(document));
  return documents;
}

}  // namespace weft
