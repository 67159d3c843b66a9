// Manifests to objects: YAML or JSON text → documents → typed objects, with errors that name file, line, field and fix.
// The same decoder serves files, the Kubernetes API and `weft analyze`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/model/objects.hpp"

namespace weft {

struct Decoded {
  struct Item {
    std::string origin;  // "path:line" of the document
    Object object;
  };
  std::vector<Item> objects;
  std::vector<Diagnostic> diagnostics;  // errors: the object was left out; warnings: it is used as far as understood
  bool usable = true;                   // false: the text as a whole cannot be read (syntax, size, depth)
};

// `path` is used for messages and decides by its ending between YAML (.yaml, .yml) and JSON (.json).
// Limits: 1 MiB, depth 64, no aliases, no merge keys (architecture.md, "YAML"). List kinds (v1 List, ServiceList, …) are
// taken apart.
Decoded decode_manifest(std::string_view path, std::string_view text);

}  // namespace weft
