// Files of the state directory: replaced as a whole, put aside when they are damaged.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "agent/base/result.hpp"

namespace weft {

// Either the old or the new text is there, whatever happens meanwhile.
Result<> replace_file(const std::filesystem::path& path, const std::string& text);
std::optional<std::string> read_file(const std::filesystem::path& path);
// Keeps a file that cannot be understood beside its name, and says so.
std::unexpected<Error> put_aside(const std::filesystem::path& path, Error why);

}  // namespace weft
