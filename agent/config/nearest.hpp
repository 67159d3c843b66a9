// "did you mean": the candidate with the fewest edits, when it is near enough to be a slip of the fingers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace weft {

// Letter case does not count. Compares at most the first 64 characters.
std::optional<std::string> find_nearest(std::string_view word, std::span<const std::string> candidates);

// "; did you mean 'x'?", or nothing.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

}  // namespace weft
