// Which flows a reader wants to see:
//   filter  = and { "or" and }            and = unary { ["and"] unary }
//   unary   = "not" unary | "(" filter ")" | KEY ("=" | "!=") VALUE{","VALUE} | WORD
// Keys: src dst ns pod service port proto kind verdict reason policy rule direction zone
// unit reporter. A value is a glob (* and ?), a name
// with or without its namespace, an address or a CIDR; a word alone matches when any name, kind, verdict, reason,
// policy, protocol or address of the flow does. Case counts, except for protocols.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/base/result.hpp"
#include "agent/observe/flow.hpp"

namespace weft {

class Filter {
 public:
  static constexpr std::size_t kMaxText = 1024;
  static constexpr std::size_t kMaxTerms = 32;
  static constexpr std::size_t kMaxDepth = 32;

  // An empty text matches everything. An error names the position, from 1, and what was expected there.
  static Result<Filter> parse(std::string_view text);
  bool matches(const Flow& flow) const;

 private:
  friend class FilterParser;
  enum class Op : std::uint8_t { kAnd, kOr, kNot, kTerm };
  enum class Key : std::uint8_t {
    kAny,
    kSource,
    kDestination,
    kNamespace,
    kPod,
    kService,
    kPort,
    kProtocol,
    kKind,
    kVerdict,
    kReason,
    kPolicy,
    kRule,
    kDirection,
    kZone,
    kUnit,
    kReporter
  };
  struct Cidr {
    IpAddress address;
    unsigned bits = 0;
  };
  struct Value {
    std::string glob;
    std::optional<Cidr> cidr;
  };
  struct Node {
    Op op = Op::kTerm;
    Key key = Key::kAny;
    std::uint32_t left = 0;  // indexes into nodes_
    std::uint32_t right = 0;
    std::vector<Value> values;  // any of
  };
  bool evaluate(std::uint32_t index, const Flow& flow) const;
  static bool term_matches(const Node& node, const Flow& flow);
  static bool value_matches(Key key, const Value& value, const Flow& flow);
  static bool end_matches(const Value& value, const FlowEnd& end);

  std::vector<Node> nodes_;  // the last one is the root; none: everything matches
};

// * matches any run of characters, ? any one. Linear in the text for each star.
bool glob_matches(std::string_view glob, std::string_view text);

}  // namespace weft
