#include "agent/base/document.hpp"

#include <charconv>

#include "agent/base/document_builder.hpp"
#include "agent/base/json.hpp"

namespace weft {
namespace {

std::string unescape_token(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '~' && i + 1 < token.size())
      out += token[++i] == '1' ? '/' : '~';
    else
      out += token[i];
  }
  return out;
}

bool names(const LineMap::Node& node, std::size_t index, const std::string& token) {
  return node.item ? std::to_string(index) == token : node.key == token;
}

// Length of the UTF-8 sequence at `text`, 0 when it is none (RFC 3629: no overlong forms, no surrogates, up to 10FFFF).
std::size_t utf8_length(std::string_view text) {
  auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  auto tail = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    bool overlong = first == 0xE0 && byte(1) < 0xA0;
    bool surrogate = first == 0xED && byte(1) > 0x9F;
    return tail(1) && tail(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    bool overlong = first == 0xF0 && byte(1) < 0x90;
    bool beyond = first == 0xF4 && byte(1) > 0x8F;
    return tail(1) && tail(2) && tail(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

bool is_forbidden_control(char c) {
  auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t' && c != '\n' && c != '\r') || byte == 0x7F;
}

TextError not_text(TextPosition at, std::string reason) { return {FindingCode::kNotText, at, std::move(reason)}; }

}  // namespace

TextPosition LineMap::find(std::string_view json_pointer) const {
  if (nodes.empty()) return {};
  std::size_t current = 0;
  while (!json_pointer.empty()) {
    json_pointer.remove_prefix(1);
    auto slash = std::min(json_pointer.find('/'), json_pointer.size());
    auto token = unescape_token(json_pointer.substr(0, slash));
    json_pointer.remove_prefix(slash);
    std::size_t child = current + 1, index = 0;
    while (child < nodes[current].end && !names(nodes[child], index, token)) child = nodes[child].end, ++index;
    if (child >= nodes[current].end) break;
    current = child;
  }
  return nodes[current].at;
}

Error TextError::error(std::string_view path) const {
  std::string where(path);
  if (at.line != 0) where += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  return Error{EINVAL, where + ": " + reason};
}

std::expected<std::string_view, TextError> check_text(std::string_view text, const TextLimits& limits) {
  if (text.size() > limits.bytes)
    return std::unexpected(TextError{FindingCode::kTextTooLarge,
                                     {},
                                     "the text has " + std::to_string(text.size()) + " bytes; at most " +
                                         std::to_string(limits.bytes) + " are read, split it"});
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::uint32_t line = 1;
  std::size_t line_start = 0;
  for (std::size_t i = 0; i < text.size();) {
    TextPosition at{line, static_cast<std::uint32_t>(i - line_start + 1)};
    if (text[i] == '\0') return std::unexpected(not_text(at, "the text contains a NUL byte"));
    if (is_forbidden_control(text[i])) return std::unexpected(not_text(at, "the text contains a control character"));
    auto length = utf8_length(text.substr(i, 4));
    if (length == 0) return std::unexpected(not_text(at, "the text is not UTF-8"));
    if (text[i] == '\n') ++line, line_start = i + 1;
    i += length;
  }
  return text;
}

bool DocumentBuilder::refuse(FindingCode code, TextPosition at, std::string reason) {
  if (!error_) error_ = TextError{code, at, std::move(reason)};
  return false;
}

nlohmann::json* DocumentBuilder::place(nlohmann::json value, TextPosition at) {
  started_ = true;
  auto end = static_cast<std::uint32_t>(nodes_.size() + 1);
  if (open_.empty()) {
    nodes_.push_back({at, end, {}, false});
    root_ = std::make_shared<nlohmann::json>(std::move(value));
    return root_.get();
  }
  auto& parent = *open_.back().json;
  if (parent.is_array()) {
    nodes_.push_back({at, end, {}, true});
    return &parent.emplace_back(std::move(value));
  }
  auto [it, added] = parent.emplace(key_, std::move(value));
  has_key_ = false;
  if (!added) {
    refuse(FindingCode::kDuplicateKey, key_at_, "the key " + in_quotes(key_) + " appears twice in one map; remove one");
    return nullptr;
  }
  nodes_.push_back({key_at_, end, std::move(key_), false});
  return &*it;
}

bool DocumentBuilder::open(nlohmann::json container, TextPosition at) {
  if (open_.size() >= limits_.depth)
    return refuse(FindingCode::kTextTooDeep, at,
                  "maps and lists nest deeper than " + std::to_string(limits_.depth) + " levels");
  auto node = nodes_.size();
  auto* json = place(std::move(container), at);
  if (json == nullptr) return false;
  open_.push_back({json, node});
  return true;
}

bool DocumentBuilder::close() {
  nodes_[open_.back().node].end = static_cast<std::uint32_t>(nodes_.size());
  open_.pop_back();
  return true;
}

bool DocumentBuilder::key(std::string name, TextPosition at) {
  key_ = std::move(name);
  key_at_ = at;
  has_key_ = true;
  return true;
}

bool DocumentBuilder::scalar(nlohmann::json value, TextPosition at) { return place(std::move(value), at) != nullptr; }

TextDocument DocumentBuilder::take() {
  TextDocument document{std::move(root_), {std::move(nodes_)}};
  nodes_.clear();
  started_ = has_key_ = false;
  return document;
}

}  // namespace weft
