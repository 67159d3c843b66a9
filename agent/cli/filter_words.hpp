// Filter words of the command line as one expression.
#pragma once

#include <string>
#include <vector>

namespace weft::cli {

// {"src=shop/*", "kind=close"} → "src=shop/* and kind=close". and, or, not and parentheses of the user stay as they
// are; a word that holds spaces is an expression of its own.
std::string join_filter_words(const std::vector<std::string>& words);

}  // namespace weft::cli
