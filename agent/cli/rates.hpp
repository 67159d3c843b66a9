// Edges ranked by what they carry now: the rows of `weft top`.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/cli/print.hpp"

namespace weft::cli {

// `edges` is an EdgeList; `by` is edge, workload or drop. Busiest first.
nlohmann::json rank_rates(const nlohmann::json& edges, const std::string& by);

const ListView& rate_view(const std::string& by);

}  // namespace weft::cli
