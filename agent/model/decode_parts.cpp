#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/model/decode_object.hpp"
#include "agent/model/names.hpp"

namespace weft {
namespace {

constexpr std::size_t kMostAnnotationBytes = 256 * 1024;
constexpr std::string_view kLabelRule =
    "at most 63 lower-case letters, digits and '-', with a letter or digit at both ends";
constexpr std::string_view kSubdomainRule =
    "at most 253 lower-case letters, digits, '-' and '.', with a letter or digit at both ends of each part";

bool fits(std::string_view name, NameRule rule) {
  return rule == NameRule::kLabel ? is_dns_label(name) : is_dns_subdomain(name);
}

void bad_name(const JsonCursor& parent, std::string_view key, std::string_view name, NameRule rule) {
  parent.problem(FindingCode::kBadName, key,
                 fmt::format("{} is not a valid name; use {}", in_quotes(name),
                             rule == NameRule::kLabel ? kLabelRule : kSubdomainRule));
}

void check_annotations(const JsonCursor& metadata) {
  std::size_t bytes = 0;
  auto annotations = metadata.object("annotations");
  for (const auto& annotation : annotations.members()) {
    bytes += annotation.key().size() + annotation.as_string().value_or("").size();
    if (!is_label_key(annotation.key()))
      annotation.problem(FindingCode::kBadLabel, {}, in_quotes(annotation.key()) + " is not a valid annotation key");
  }
  if (bytes > kMostAnnotationBytes)
    metadata.problem(FindingCode::kTooMany, "annotations",
                     fmt::format("has {} bytes; at most {} are allowed", bytes, kMostAnnotationBytes));
}

std::string decode_space(const JsonCursor& metadata, bool namespaced) {
  if (namespaced) {
    auto space = decode_reference(metadata, "namespace", NameRule::kLabel);
    return space.empty() ? "default" : space;
  }
  if (!metadata.string("namespace").empty())
    metadata.problem(FindingCode::kFieldValue, "namespace", "must be absent: the kind is cluster-wide");
  return {};
}

bool is_plain_uid(std::string_view uid) {
  return uid.size() <= 128 && std::ranges::all_of(uid, [](char c) { return c > ' ' && c < 0x7F; });
}

}  // namespace

void refuse_unknown_around(const JsonCursor& object) {
  object.refuse_unknown({"apiVersion", "kind", "metadata", "spec", "status"});
  auto metadata = object.object("metadata");
  metadata.refuse_unknown({"name", "namespace", "labels", "annotations", "uid", "resourceVersion", "generation",
                           "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "ownerReferences",
                           "finalizers", "managedFields", "selfLink", "generateName"});
}

std::string decode_reference(const JsonCursor& parent, std::string_view key, NameRule rule) {
  auto name = parent.string(key);
  if (name.empty() || fits(name, rule)) return name;
  bad_name(parent, key, name, rule);
  return {};
}

Labels decode_labels(const JsonCursor& parent, std::string_view key) {
  Labels labels;
  auto map = parent.object(key);
  for (const auto& member : map.members()) {
    auto value = member.as_string();
    if (!is_label_key(member.key()))
      member.problem(FindingCode::kBadLabel, {},
                     in_quotes(member.key()) + " is not a valid label key; use [prefix/]name");
    if (value && !is_label_value(*value))
      member.problem(
          FindingCode::kBadLabel, {},
          in_quotes(*value) + " is not a valid label value; use at most 63 letters, digits, '-', '_' and '.'");
    if (value) labels.emplace(member.key(), std::move(*value));
  }
  return labels;
}

Metadata decode_metadata(const JsonCursor& object, NameRule rule, bool namespaced) {
  auto in = object.object("metadata");
  Metadata out;
  if (auto name = in.required_string("name"); !name.empty() && !fits(name, rule))
    bad_name(in, "name", name, rule);
  else
    out.name = std::move(name);
  out.space = decode_space(in, namespaced);
  out.labels = decode_labels(in, "labels");
  check_annotations(in);
  out.deleting = in.has("deletionTimestamp");
  if (auto uid = in.string("uid"); is_plain_uid(uid))
    out.uid = std::move(uid);
  else
    in.problem(FindingCode::kFieldValue, "uid", "must be at most 128 printable characters");
  return out;
}

std::optional<IpAddress> decode_address(const JsonCursor& parent, std::string_view key, std::string_view text) {
  auto address = IpAddress::parse(text);
  if (!address) {
    parent.problem(FindingCode::kBadAddress, key, in_quotes(text) + " is not an IPv4 or IPv6 address");
    return std::nullopt;
  }
  if (auto range = forbidden_range(*address); !range.empty()) {
    parent.problem(
        FindingCode::kForbiddenAddress, key,
        fmt::format("{} is in the {} range, which services and endpoints may not use", in_quotes(text), range));
    return std::nullopt;
  }
  return *address;
}

std::string_view decode_choice(const JsonCursor& parent, std::string_view key,
                               std::initializer_list<std::string_view> values) {
  auto text = parent.string(key);
  if (text.empty()) return *values.begin();
  for (auto value : values)
    if (value == text) return value;
  parent.problem(FindingCode::kFieldValue, key,
                 fmt::format("must be {}, not {}", fmt::join(values, " or "), in_quotes(text)));
  return *values.begin();
}

Protocol decode_protocol(const JsonCursor& port) {
  auto name = decode_choice(port, "protocol", {"TCP", "UDP", "SCTP"});
  return name == "UDP" ? Protocol::kUdp : name == "SCTP" ? Protocol::kSctp : Protocol::kTcp;
}

std::string decode_app_protocol(const JsonCursor& port) {
  auto name = port.string("appProtocol");
  if (name.empty() || is_label_key(name)) return name;
  port.problem(FindingCode::kFieldValue, "appProtocol",
               in_quotes(name) + " is not a protocol name like http or kubernetes.io/h2c");
  return {};
}

std::uint16_t decode_port_number(const JsonCursor& parent, std::string_view key) {
  return static_cast<std::uint16_t>(parent.required_integer(key, 1, 65535).value_or(0));
}

}  // namespace weft
