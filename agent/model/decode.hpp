// Manifests to objects: YAML or JSON text → documents → typed objects, with errors that name file, line, field and fix.
// The same decoder serves files, the Kubernetes API and `weft analyze`.
#pragma once

#include <nlohmann/json_fwd.hpp>
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
  // Objects that are there but not usable: their last good version stays. Of a policy, `objects` has what takes its
  // place when there is none (break_policy).
  std::vector<ObjectKey> refused;
  bool unidentified = false;  // a document is there of which not even the name can be read
  // Errors: the object was left out (but for ExternalName services); warnings: it is used as far as understood. Where
  // not even kind and name are known, Diagnostic::object has an empty name.
  std::vector<Diagnostic> diagnostics;
  bool usable = true;  // false: the text as a whole cannot be read (syntax, size, depth)
};

// `path` is used for messages and decides by its ending between YAML (.yaml, .yml) and JSON (.json).
// Limits: 1 MiB, depth 64, no aliases, no merge keys (architecture.md, "YAML"). List kinds (v1 List, ServiceList, …)
// are taken apart.
Decoded decode_manifest(std::string_view path, std::string_view text);

// One object or list that is JSON already, as from the Kubernetes API; `origin` is used for messages only.
Decoded decode_json(std::string_view origin, const nlohmann::json& value);

}  // namespace weft
