// A bug report: what the agent knew at one moment, in one file, readable offline by the read commands.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cli/outcome.hpp"
#include "agent/cli/source.hpp"

namespace weft::cli {

// The lists and documents of the API that a bundle holds, as in /api/v1/NAME.
const std::vector<std::string>& bundled_documents();

inline constexpr std::string_view kBundleRoot = "weft-bugreport/";

Outcome<std::unique_ptr<Source>> open_bundle(const std::string& path);

// Reads a file of at most 256 MiB.
Outcome<std::string> load_file(const std::string& path);

}  // namespace weft::cli
