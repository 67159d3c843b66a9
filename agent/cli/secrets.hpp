// Keeps what could be a secret out of bug reports.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace weft::cli {

// Texts under keys that speak of secrets, and user information in URLs, become "(masked)".
void mask_secrets(nlohmann::json& value);

}  // namespace weft::cli
