// A YAML or JSON text taken apart: each document as a JSON value with the place of every part of it, so that an error
// about a field can name its line. yaml.hpp and json.hpp make documents.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/findings.hpp"
#include "agent/base/result.hpp"

namespace weft {

struct TextLimits {
  std::size_t bytes = 1 << 20;
  std::size_t depth = 64;  // maps and lists inside each other
};

struct TextPosition {
  std::uint32_t line = 0;  // from 1; 0: unknown
  std::uint32_t column = 0;
};

// From JSON pointers (RFC 6901) to places in the text. Nodes lie in the order of the text, each followed by its
// children.
class LineMap {
 public:
  struct Node {
    TextPosition at;
    std::uint32_t end = 0;  // index behind the last descendant
    std::string key;        // empty for items of a list
    bool item = false;
  };
  // The place of the nearest known part: "/spec/x" is that of "/spec" when x is missing. "" is the document.
  TextPosition find(std::string_view json_pointer) const;

  std::vector<Node> nodes;
};

struct TextDocument {
  std::shared_ptr<const nlohmann::json> value;
  LineMap places;
};

struct TextError {
  FindingCode code = FindingCode::kBadSyntax;
  TextPosition at;
  std::string reason;

  Error error(std::string_view path) const;  // "path:line:column: reason"
};

using TextDocuments = std::expected<std::vector<TextDocument>, TextError>;

// Refuses what is too large, NUL and control characters, and what is not UTF-8; `text` without a byte order mark.
std::expected<std::string_view, TextError> check_text(std::string_view text, const TextLimits& limits);

}  // namespace weft
