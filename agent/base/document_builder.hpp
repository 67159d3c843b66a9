// Builds a TextDocument from the events of a parser, and keeps the rules that YAML and JSON share: depth, and no key
// twice. For yaml.cpp and json.cpp only.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/base/document.hpp"

namespace weft {

class DocumentBuilder {
 public:
  explicit DocumentBuilder(const TextLimits& limits) : limits_(limits) {}

  // Each returns false after a breach of the rules; error() then says which.
  bool open(nlohmann::json container, TextPosition at);
  bool close();
  bool key(std::string name, TextPosition at);
  bool scalar(nlohmann::json value, TextPosition at);

  bool wants_key() const { return !open_.empty() && open_.back().json->is_object() && !has_key_; }
  bool refuse(FindingCode code, TextPosition at, std::string reason);
  const std::optional<TextError>& error() const { return error_; }
  bool complete() const { return started_ && open_.empty(); }
  TextDocument take();

 private:
  struct Open {
    nlohmann::json* json;
    std::size_t node;
  };
  nlohmann::json* place(nlohmann::json value, TextPosition at);

  TextLimits limits_;
  std::shared_ptr<nlohmann::json> root_;
  std::vector<LineMap::Node> nodes_;
  std::vector<Open> open_;
  std::string key_;
  TextPosition key_at_;
  bool has_key_ = false;
  bool started_ = false;
  std::optional<TextError> error_;
};

}  // namespace weft
