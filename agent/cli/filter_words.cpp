#include "agent/cli/filter_words.hpp"

namespace weft::cli {
namespace {

bool is_operator(const std::string& word) { return word == "and" || word == "or"; }

// Whether a term may end with the word, and whether one may begin with it.
bool ends_term(const std::string& word) { return !is_operator(word) && word != "not" && !word.ends_with('('); }
bool begins_term(const std::string& word) { return !is_operator(word) && !word.starts_with(')'); }

}  // namespace

std::string join_filter_words(const std::vector<std::string>& words) {
  std::string joined;
  const std::string* before = nullptr;
  for (const auto& word : words) {
    if (before != nullptr) joined += ends_term(*before) && begins_term(word) ? " and " : " ";
    bool is_expression = words.size() > 1 && word.find(' ') != std::string::npos;
    joined += is_expression ? "(" + word + ")" : word;
    before = &word;
  }
  return joined;
}

}  // namespace weft::cli
