// Documents of the API in every output format.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "agent/cli/console.hpp"
#include "agent/cli/invocation.hpp"
#include "agent/cli/outcome.hpp"
#include "agent/cli/table.hpp"

namespace weft::cli {

struct Column {
  std::string title;
  std::function<Cell(const nlohmann::json& item)> cell;
  bool right = false;
  bool wide = false;  // only with -o wide
};

struct ListView {
  std::vector<Column> columns;
  std::function<std::string(const nlohmann::json& item)> name;  // for -o name
};

// `document` has "items".
void print_list(const nlohmann::json& document, const ListView& view, Format format, Console& console);
std::string table_text(const nlohmann::json& items, const ListView& view, bool wide, const Console& console);

// Anything else; `text` makes what people read. Formats of lists are refused.
Outcome<> print_document(const nlohmann::json& document, Format format, Console& console,
                         const std::function<std::string()>& text);

// The columns of a kind of object_kinds(), of "edges" or of "checks".
const ListView& list_view(const std::string& kind);

Tone state_tone(const std::string& state);

// "error WEFT1103 Service shop/web spec.ports: …  (file.yaml:12)".
std::string finding_line(const nlohmann::json& finding);

}  // namespace weft::cli
