// YAML 1.2 to JSON values, for manifests and the configuration. What YAML 1.1 and 1.2 read differently is text: 010,
// yes, no, on, off, 1_000 and 12:30 are strings, so a field that wants a number or a truth value refuses them.
#pragma once

#include "agent/base/document.hpp"

namespace weft {

// Every document of the text; empty ones are left out. Refuses aliases, merge keys, duplicate keys, keys that are not
// scalars, tags other than YAML's own scalar tags, and tabs at the beginning of a line.
TextDocuments read_yaml(std::string_view text, const TextLimits& limits = {});

}  // namespace weft
