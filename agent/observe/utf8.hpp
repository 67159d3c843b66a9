// UTF-8 as RFC 3629 defines it, for outputs that must stay readable whatever bytes a name holds.
#pragma once

#include <cstddef>
#include <string_view>

namespace weft {

inline constexpr std::string_view kReplacementCharacter = "\xef\xbf\xbd";  // U+FFFD

// Length of the well-formed sequence at the front of `text`; 0 when there is none. `text` is not empty.
std::size_t utf8_length(std::string_view text);

}  // namespace weft
