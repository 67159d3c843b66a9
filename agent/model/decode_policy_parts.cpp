#include "agent/model/decode_policy_parts.hpp"

#include <fmt/format.h>

#include "agent/model/names.hpp"

namespace weft {
namespace {

constexpr std::string_view kModeAnnotation = "mesh.weft.dev/mode";

}  // namespace

void check_count(const JsonCursor& parent, std::string_view key, std::size_t count, std::size_t most,
                 std::string_view noun) {
  if (count > most)
    parent.problem(FindingCode::kTooMany, key,
                   fmt::format("has {} {}; at most {} are allowed: split the policy", count, noun, most));
}

bool decode_audit_mode(const JsonCursor& object) {
  auto metadata = object.object("metadata");
  auto annotations = metadata.object("annotations");
  if (!annotations.has(kModeAnnotation)) return false;
  auto mode = annotations.string(kModeAnnotation);
  if (mode != "audit" && mode != "enforce")
    annotations.problem(FindingCode::kFieldValue, kModeAnnotation, "must be enforce or audit, not " + in_quotes(mode));
  return mode == "audit";
}

std::optional<Cidr> decode_cidr(const JsonCursor& parent, std::string_view key, const std::string& text) {
  auto cidr = Cidr::parse(text);
  if (cidr) return *cidr;
  parent.problem(FindingCode::kBadBlock, key, printable(cidr.error().what));
  return std::nullopt;
}

void decode_port_range(const JsonCursor& in, std::string_view first_key, std::string_view last_key, PolicyPort& out) {
  out.first = decode_port_number(in, first_key);
  out.last = in.has(last_key) ? decode_port_number(in, last_key) : out.first;
  if (out.first != 0 && out.last != 0 && out.last < out.first)
    in.problem(FindingCode::kFieldRange, last_key,
               fmt::format("is {}, which is smaller than {} {}", out.last, first_key, out.first));
}

void check_port_name(const JsonCursor& in, std::string_view key, const std::string& name) {
  if (!is_port_name(name))
    in.problem(
        FindingCode::kBadName, key,
        in_quotes(name) +
            " is neither a port number nor a port name (a-z, 0-9 and '-', at most 15, with a letter); numbers are "
            "written without quotes");
}

}  // namespace weft
