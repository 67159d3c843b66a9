// Label sets of edges, rendered once when an edge is first seen. Escaped as the Prometheus text format wants it,
// without the closing brace, so that a family can add a label of its own.
#pragma once

#include <string>
#include <string_view>

#include "agent/observe/names.hpp"
#include "weft/abi/flow.h"

namespace weft {

struct EdgeNames {
  SharedName source;       // never null
  SharedName destination;  // never null
  SharedName service;      // null: the endpoint was dialled itself
  std::uint16_t port = 0;  // that the client dialled
  std::uint8_t protocol = 0;
  std::uint8_t reporter = 0;
};

inline constexpr std::string_view kOther = "_other";  // every label of what has no series of its own

std::string edge_labels(const EdgeNames& names);  // {source_namespace="shop",…,reporter="source"
std::string pair_labels(const EdgeNames& names);  // {source_namespace="shop",…,destination_workload="web"
std::string other_edge_labels();
std::string other_pair_labels();

// \ " and line feed escaped; bytes that are not UTF-8 become U+FFFD, because one bad label would spoil the whole page.
std::string escape_label(std::string_view value);

}  // namespace weft
