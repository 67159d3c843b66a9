#include "agent/base/yaml.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <charconv>
#include <istream>
#include <streambuf>

#include "agent/base/document_builder.hpp"
#include "agent/base/json.hpp"

namespace weft {
namespace {

TextPosition position(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<std::uint32_t>(mark.line + 1), static_cast<std::uint32_t>(mark.column + 1)};
}

template <class Number>
bool parse_all(std::string_view digits, Number& number, auto... format) {
  auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number, format...);
  return problem == std::errc() && end == digits.data() + digits.size();
}

// [-+]? followed by digits without a leading zero, 0x hex or 0o octal, as in the core schema of YAML 1.2 (10.3.2).
std::optional<nlohmann::json> plain_integer(std::string_view text) {
  bool negative = text.starts_with('-');
  auto digits = text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  if (digits.empty() || digits[0] < '0' || digits[0] > '9') return std::nullopt;
  int base = digits.starts_with("0x") ? 16 : digits.starts_with("0o") ? 8 : 10;
  if (base != 10 && digits.size() != text.size()) return std::nullopt;
  if (base == 10 && digits.size() > 1 && digits[0] == '0') return std::nullopt;
  std::uint64_t magnitude = 0;
  if (!parse_all(base == 10 ? digits : digits.substr(2), magnitude, base)) return std::nullopt;
  if (!negative) return nlohmann::json(magnitude);
  std::int64_t value = 0;
  if (!parse_all(text, value, 10)) return std::nullopt;
  return nlohmann::json(value);
}

bool is_float_shape(std::string_view text) {
  auto rest = text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  bool digit_first = !rest.empty() && rest[0] >= '0' && rest[0] <= '9';
  bool leading_zero = rest.size() > 1 && rest[0] == '0' && rest[1] >= '0' && rest[1] <= '9';
  bool fraction = rest.find_first_of(".eE") != std::string_view::npos;
  return digit_first && fraction && !leading_zero &&
         rest.find_first_not_of("0123456789.eE+-") == std::string_view::npos;
}

std::optional<nlohmann::json> plain_float(std::string_view text) {
  if (!is_float_shape(text)) return std::nullopt;
  double value = 0;
  if (!parse_all(text.starts_with('+') ? text.substr(1) : text, value)) return std::nullopt;
  return nlohmann::json(value);
}

nlohmann::json plain_scalar(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  if (auto integer = plain_integer(text)) return *integer;
  if (auto real = plain_float(text)) return *real;
  return text;
}

// Behind the anchor and tag that may stand before a scalar.
std::size_t skip_properties(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) {
    at = std::min(text.find_first_of(" \t\r\n", at), text.size());
    at = std::min(text.find_first_not_of(" \t\r\n", at), text.size());
  }
  return at;
}

// Whether the scalar at `at` ends, if it is a quoted one; yaml-cpp takes the end of the text for a closing quote.
bool is_closed_quote(std::string_view text, std::size_t at) {
  at = skip_properties(text, at);
  if (at >= text.size() || (text[at] != '"' && text[at] != '\'')) return true;
  char quote = text[at];
  for (++at; at < text.size(); ++at) {
    if (quote == '"' && text[at] == '\\') {
      ++at;
    } else if (text[at] == quote) {
      bool doubled = quote == '\'' && text.substr(at + 1).starts_with('\'');
      if (!doubled) return true;
      ++at;
    }
  }
  return false;
}

// Ends the parse from inside yaml-cpp, which knows no other way; the builder holds the reason.
[[noreturn]] void abandon() { throw YAML::ParserException(YAML::Mark::null_mark(), "abandoned"); }

class Handler final : public YAML::EventHandler {
 public:
  Handler(DocumentBuilder& builder, std::string_view text) : builder_(builder), text_(text) {}

  // yaml-cpp takes what follows a complete value, as in "{a: 1} b", for the next document.
  void OnDocumentStart(const YAML::Mark& mark) override {
    bool separated = text_.substr(std::min(static_cast<std::size_t>(mark.pos), text_.size())).starts_with("---");
    if (documents_++ > 0 && !separated)
      refuse(FindingCode::kBadSyntax, mark, "text after the end of the document; separate documents by a line '---'");
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    if (builder_.wants_key()) refuse(FindingCode::kBadSyntax, mark, "a key is empty");
    check(builder_.scalar(nullptr, position(mark)));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(FindingCode::kYamlAlias, mark, "aliases (*name) are not allowed; write the repeated part out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) override {
    if (tag == "!" && !is_closed_quote(text_, static_cast<std::size_t>(mark.pos)))
      refuse(FindingCode::kBadSyntax, mark, "a quote is opened here and never closed");
    if (builder_.wants_key()) {
      if (value == "<<") refuse(FindingCode::kYamlAlias, mark, "merge keys (<<) are not allowed; write the part out");
      check(builder_.key(value, position(mark)));
    } else {
      check(builder_.scalar(resolve(mark, tag, value), position(mark)));
    }
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, nlohmann::json::array());
  }
  void OnSequenceEnd() override { check(builder_.close()); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, YAML::EmitterStyle::value) override {
    open(mark, tag, nlohmann::json::object());
  }
  void OnMapEnd() override { check(builder_.close()); }

 private:
  [[noreturn]] void refuse(FindingCode code, const YAML::Mark& mark, std::string reason) {
    builder_.refuse(code, position(mark), std::move(reason));
    abandon();
  }
  void check(bool accepted) {
    if (!accepted) abandon();
  }
  void open(const YAML::Mark& mark, const std::string& tag, nlohmann::json container) {
    if (builder_.wants_key()) refuse(FindingCode::kBadSyntax, mark, "a key must be plain text, not a map or a list");
    if (!tag.empty() && tag != "?" && tag != "!") refuse_tag(mark, tag);
    check(builder_.open(std::move(container), position(mark)));
  }
  nlohmann::json resolve(const YAML::Mark& mark, const std::string& tag, const std::string& value) {
    if (tag == "?" || tag.empty()) return plain_scalar(value);
    if (tag != "!" && tag != "tag:yaml.org,2002:str") refuse_tag(mark, tag);
    return value;
  }
  [[noreturn]] void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    refuse(FindingCode::kBadSyntax, mark, "the tag " + in_quotes(tag) + " is not allowed");
  }

  DocumentBuilder& builder_;
  std::string_view text_;
  std::size_t documents_ = 0;
};

// yaml-cpp reads streams only; this one reads the text in place.
class ViewBuffer final : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    auto* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

std::optional<TextPosition> find_tab_indent(std::string_view text) {
  std::uint32_t line = 1;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto content = text.substr(0, end).find_first_not_of("\t \r");
    if (text[0] == '\t' && content < end && text[content] != '#') return TextPosition{line, 1};
    text.remove_prefix(std::min(end + 1, text.size()));
    ++line;
  }
  return std::nullopt;
}

}  // namespace

TextDocuments read_yaml(std::string_view text, const TextLimits& limits) {
  auto checked = check_text(text, limits);
  if (!checked) return std::unexpected(checked.error());
  if (auto tab = find_tab_indent(*checked))
    return std::unexpected(TextError{FindingCode::kNotText, *tab, "the line begins with a tab; indent with spaces"});
  std::vector<TextDocument> documents;
  DocumentBuilder builder(limits);
  Handler handler(builder, *checked);
  ViewBuffer buffer(*checked);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler))
      if (auto document = builder.take(); document.value && !document.value->is_null())
        documents.push_back(std::move(document));
  } catch (const YAML::Exception& exception) {
    return std::unexpected(builder.error().value_or(
        TextError{FindingCode::kBadSyntax, position(exception.mark), "not valid YAML: " + printable(exception.msg)}));
  } catch (const std::exception& exception) {
    return std::unexpected(TextError{FindingCode::kBadSyntax, {}, "not valid YAML: " + printable(exception.what())});
  }
  return documents;
}

}  // namespace weft
