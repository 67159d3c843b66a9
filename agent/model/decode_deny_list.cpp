// mesh.weft.dev/v1alpha1 DenyList.
#include <fmt/format.h>

#include "agent/base/duration.hpp"
#include "agent/model/decode_object.hpp"

namespace weft {
namespace {

constexpr std::uint64_t kLongestTtl = 10ull * 365 * 86400;

void decode_blocks(const JsonCursor& spec, DenyList& out) {
  auto items = spec.items("cidrs");
  if (items.empty()) spec.problem(FindingCode::kFieldMissing, "cidrs", "must have at least one block or address");
  if (items.size() > kMostDeniedBlocks) {
    spec.problem(FindingCode::kTooMany, "cidrs",
                 fmt::format("has {} blocks; at most {} are allowed", items.size(), kMostDeniedBlocks));
    return;
  }
  for (const auto& item : items) {
    auto text = item.as_string();
    if (!text) continue;
    auto cidr = parse_denied(*text);
    if (!cidr)
      item.problem(FindingCode::kBadBlock, {}, printable(cidr.error().what));
    else if (auto why = lockout_of(*cidr); !why.empty())
      item.problem(FindingCode::kDeniesItself, {},
                   fmt::format("{} may not be denied by an object: {}", in_quotes(*text), why));
    else
      out.cidrs.push_back(*cidr);
  }
}

void decode_ttl(const JsonCursor& spec, DenyList& out) {
  auto text = spec.string("ttl");
  if (text.empty()) return;
  auto seconds = parse_seconds(text);
  if (!seconds || *seconds == 0 || *seconds > kLongestTtl)
    return spec.problem(FindingCode::kFieldValue, "ttl",
                        in_quotes(text) + " is not a time such as 30s, 10m, 1h30m or 7d, of at least a second");
  out.ttl_s = *seconds;
}

void decode_creation(const JsonCursor& metadata, DenyList& out) {
  auto text = metadata.string("creationTimestamp");
  if (text.empty()) return;
  auto seconds = parse_rfc3339(text);
  if (!seconds)
    return metadata.problem(FindingCode::kFieldValue, "creationTimestamp",
                            in_quotes(text) + " is not a time such as 2026-01-31T12:00:00Z (RFC 3339)");
  out.created_s = *seconds;
}

}  // namespace

DenyList decode_deny_list(const JsonCursor& object, Metadata metadata) {
  DenyList out;
  out.metadata = std::move(metadata);
  refuse_unknown_around(object);
  auto in_metadata = object.object("metadata");
  decode_creation(in_metadata, out);
  if (!object.has("spec")) object.problem(FindingCode::kFieldMissing, "spec", "is required");
  auto spec = object.object("spec");
  spec.refuse_unknown({"cidrs", "ttl"});
  decode_blocks(spec, out);
  decode_ttl(spec, out);
  return out;
}

}  // namespace weft
