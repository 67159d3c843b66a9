// What a discovery source says. Events are values; model/fold turns spans of them into snapshots.
#pragma once

#include <chrono>
#include <string>
#include <variant>
#include <vector>

#include "agent/model/objects.hpp"

namespace weft {

using SourceId = std::string;  // "files", "kubernetes"

// Where an object was said.
struct ObjectPlace {
  SourceId source;
  std::string origin;  // "path:line" for files
};

struct ObjectChanged {
  SourceId source;
  std::string origin;  // "path:line" for files; part of the identity of a claim: the first origin keeps a contested key
  Object object;
};

struct ObjectRemoved {
  SourceId source;
  std::string origin;
  ObjectKey key;
};

// A bad object or file: its last good version stays. Replaces the earlier diagnostics of this origin.
struct OriginDiagnosed {
  SourceId source;
  std::string origin;                   // the file
  std::vector<Diagnostic> diagnostics;  // empty: all is well again
};

// Everything the source has was said once: what it did not say may be deleted.
struct SourceSynced {
  SourceId source;
};

// The source starts over: what it does not say again until SourceSynced is gone.
struct SourceReset {
  SourceId source;
};

struct Event {
  std::variant<ObjectChanged, ObjectRemoved, OriginDiagnosed, SourceSynced, SourceReset> what;
  std::chrono::steady_clock::time_point received{};  // for weft_propagation_duration_seconds
};

}  // namespace weft
