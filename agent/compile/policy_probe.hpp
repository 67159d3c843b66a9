// Questions whose answers the tables tell: asked of the loaded programs, they prove that the kernel holds these tables.
#pragma once

#include <optional>

#include "agent/base/address.hpp"
#include "agent/compile/policy_tables.hpp"
#include "weft/abi/pod.h"

namespace weft {

// One side of a connection of `pod` with somebody of the tables, answered. Each turn chooses another peer, port and
// direction. Nothing when the tables do not know the address.
std::optional<weft_explain_request> make_probe(const PolicyTables& tables, const IpAddress& pod, std::uint64_t turn);

// The question alone.
weft_explain_request without_answer(const weft_explain_request& probe);
// What differs, in words; empty when the answers are equal.
std::string difference_of(const weft_explain_request& wanted, const weft_explain_request& got);

}  // namespace weft
