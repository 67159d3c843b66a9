// JSON text to documents, and checked reading of JSON values: a getter never wraps, cuts or converts; what does not fit
// becomes a problem that names the field, and the getter returns its default so that one pass finds all problems.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/base/document.hpp"

namespace weft {

// One document. Refuses duplicate keys and numbers that do not fit 64 bits.
TextDocuments read_json(std::string_view text, const TextLimits& limits = {});

// The documents of a YAML text that are JSON objects between lines "---", as programs write them: what read_yaml would
// give, for a third of the time. Nothing when any of it is something else; then read_yaml knows what to say.
std::optional<std::vector<TextDocument>> read_json_stream(std::string_view text, const TextLimits& limits = {});

struct JsonProblem {
  FindingCode code = FindingCode::kFieldValue;
  std::string field;    // "spec.ports[0].port", as people write it
  std::string pointer;  // "/spec/ports/0/port", for LineMap::find
  std::string reason;   // one sentence
  bool warning = false;
};

// A place inside a JSON value. Absent and null read alike, as in the Kubernetes API. Child cursors refer to their
// parent, so a cursor must be a named variable while its children live; calls on temporaries do not compile.
class JsonCursor {
 public:
  JsonCursor(const nlohmann::json& value, std::vector<JsonProblem>& problems);

  const nlohmann::json& value() const { return *value_; }
  bool present() const;
  bool has(std::string_view key) const;  // the key is there and not null
  std::string field(std::string_view key = {}) const;
  std::string pointer(std::string_view key = {}) const;

  // Members. An absent one gives the default (or empty) without a problem, except for the required_ forms.
  std::string string(std::string_view key, std::string_view otherwise = {}) const;
  std::string required_string(std::string_view key) const;  // also refuses ""
  bool boolean(std::string_view key, bool otherwise) const;
  std::optional<std::int64_t> integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  std::optional<std::int64_t> required_integer(std::string_view key, std::int64_t least, std::int64_t most) const;
  std::optional<double> number(std::string_view key, double least, double most) const;
  std::vector<std::string> strings(std::string_view key) const;
  std::map<std::string, std::string, std::less<>> string_map(std::string_view key) const;

  JsonCursor object(std::string_view key) const&;                // absent: a cursor on which everything is absent
  std::vector<JsonCursor> items(std::string_view key) const&;    // a list of anything
  std::vector<JsonCursor> objects(std::string_view key) const&;  // a list of maps
  std::vector<JsonCursor> members() const&;  // of a map, in the order of their keys; none when this is no map
  JsonCursor object(std::string_view key) && = delete;
  std::vector<JsonCursor> items(std::string_view key) && = delete;
  std::vector<JsonCursor> objects(std::string_view key) && = delete;
  std::vector<JsonCursor> members() && = delete;
  std::string_view key() const { return key_; }
  // The value itself, for items of lists.
  std::optional<std::string> as_string() const;
  std::optional<std::int64_t> as_integer(std::int64_t least, std::int64_t most) const;

  // A problem for every member whose key is not among `known`, with the nearest known one.
  void refuse_unknown(std::initializer_list<std::string_view> known) const;
  // `key` may be empty: the problem is with the value itself.
  void problem(FindingCode code, std::string_view key, std::string reason) const;
  void warning(FindingCode code, std::string_view key, std::string reason) const;
  std::size_t problem_count() const { return problems_->size(); }

 private:
  static constexpr std::size_t kNoIndex = std::numeric_limits<std::size_t>::max();
  JsonCursor(const JsonCursor* parent, std::string_view key, std::size_t index, const nlohmann::json& value);
  const nlohmann::json* find(std::string_view key) const;
  std::optional<std::int64_t> integer_of(const nlohmann::json& value, std::string_view key, std::int64_t least,
                                         std::int64_t most) const;
  void wrong_type(std::string_view key, std::string_view wanted, const nlohmann::json& got) const;

  const nlohmann::json* value_;
  std::vector<JsonProblem>* problems_;
  const JsonCursor* parent_ = nullptr;
  std::string_view key_;
  std::size_t index_ = kNoIndex;  // in the list under key_
};

// The candidate nearest to `word`, if near enough to be a slip of the finger; empty otherwise.
std::string_view nearest_word(std::string_view word, std::initializer_list<std::string_view> candidates);

// For messages: control characters escaped as \xNN, cut to `most_bytes` at a character.
std::string printable(std::string_view text, std::size_t most_bytes = 200);

// For messages: 'text', printable, cut to 80 bytes.
std::string in_quotes(std::string_view text);

}  // namespace weft
