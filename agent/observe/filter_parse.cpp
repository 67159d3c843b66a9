#include <fmt/format.h>

#include <array>
#include <charconv>
#include <tuple>

#include "agent/observe/filter.hpp"

namespace weft {

// Recursive descent, one method per line of the grammar; depth and terms are bounded before anything is built.
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) {}

  Result<Filter> parse() {
    if (text_.size() > Filter::kMaxText)
      return fail(EINVAL, fmt::format("filter: longer than {} bytes", Filter::kMaxText));
    skip_spaces();
    if (at_end()) return Filter();
    WEFT_TRY(parse_or(0));
    if (!at_end()) return expected("'and', 'or' or the end");
    return std::move(filter_);
  }

 private:
  using Key = Filter::Key;
  using Op = Filter::Op;

  Result<std::uint32_t> parse_or(std::size_t depth) {
    auto left = WEFT_TRY(parse_and(depth));
    while (take_word("or")) left = add_pair(Op::kOr, left, WEFT_TRY(parse_and(depth)));
    return left;
  }

  Result<std::uint32_t> parse_and(std::size_t depth) {
    auto left = WEFT_TRY(parse_unary(depth));
    while (!at_end() && text_[at_] != ')' && !next_is_word("or")) {
      take_word("and");
      left = add_pair(Op::kAnd, left, WEFT_TRY(parse_unary(depth)));
    }
    return left;
  }

  Result<std::uint32_t> parse_unary(std::size_t depth) {
    if (depth >= Filter::kMaxDepth)
      return expected(fmt::format("at most {} levels of 'not' and '('", Filter::kMaxDepth));
    if (take_word("not")) {
      auto inner = WEFT_TRY(parse_unary(depth + 1));
      return add_pair(Op::kNot, inner, inner);
    }
    if (take('(')) {
      auto inner = WEFT_TRY(parse_or(depth + 1));
      if (!take(')')) return expected("')'");
      return inner;
    }
    return parse_term();
  }

  Result<std::uint32_t> parse_term() {
    if (++terms_ > Filter::kMaxTerms) return expected(fmt::format("at most {} terms", Filter::kMaxTerms));
    auto start = at_;
    for (auto keyword : {"and", "or"})
      if (next_is_word(keyword)) return expected("a term such as src=shop/* or verdict=denied");
    auto word = WEFT_TRY(read_word("a term such as src=shop/* or verdict=denied"));
    bool negated = at_ + 1 < text_.size() && text_[at_] == '!' && text_[at_ + 1] == '=';
    if (!negated && (at_end() || text_[at_] != '=')) {
      skip_spaces();
      return add_term(Key::kAny, {make_value(word)});
    }
    auto key = find_key(word);
    if (!key) return at(start, fmt::format("one of the keys {}, not '{}'", all_keys(), word));
    at_ += negated ? 2 : 1;
    auto term = add_term(*key, WEFT_TRY(parse_values(*key)));
    return negated ? add_pair(Op::kNot, term, term) : term;
  }

  Result<std::vector<Filter::Value>> parse_values(Key key) {
    std::vector<Filter::Value> values;
    do {
      auto start = at_;
      auto word = WEFT_TRY(read_word("a value"));
      bool number = key == Key::kProtocol && word.find_first_not_of("0123456789") == std::string::npos;
      if (auto allowed = allowed_values(key); !allowed.empty() && !number && !known_value(word, allowed))
        return at(start, fmt::format("one of {}, not '{}'", allowed, word));
      values.push_back(make_value(word));
      if (values.size() > Filter::kMaxTerms) return at(start, fmt::format("at most {} values", Filter::kMaxTerms));
    } while (!at_end() && text_[at_] == ',' && ++at_);
    skip_spaces();
    return values;
  }

  // Fixed words are checked, so that a slip of the finger is an error and not an empty answer.
  static std::string_view allowed_values(Key key) {
    if (key == Key::kKind) return "open, close, deny, audit, http";
    if (key == Key::kVerdict) return "allowed, denied, no-endpoint, audited";
    if (key == Key::kReporter) return "source, destination";
    if (key == Key::kDirection) return "ingress, egress";
    if (key == Key::kProtocol) return "TCP, UDP, SCTP, ICMP, tcp, udp, sctp, icmp";
    return {};
  }

  static bool known_value(std::string_view glob, std::string_view allowed) {
    while (!allowed.empty()) {
      auto comma = allowed.find(", ");
      if (glob_matches(glob, allowed.substr(0, comma))) return true;
      allowed = comma == std::string_view::npos ? std::string_view() : allowed.substr(comma + 2);
    }
    return false;
  }

  static Filter::Value make_value(std::string word) {
    Filter::Value value;
    if (auto slash = word.find('/'); slash != std::string::npos) {
      auto network = IpAddress::parse(std::string_view(word).substr(0, slash));
      unsigned bits = 0;
      auto [end, problem] = std::from_chars(word.data() + slash + 1, word.data() + word.size(), bits);
      bool complete = problem == std::errc() && end == word.data() + word.size();
      if (network && complete && bits <= (network->is_v4() ? 32u : 128u))
        value.cidr = Filter::Cidr{*network, network->is_v4() ? bits + 96 : bits};
    } else if (auto address = IpAddress::parse(word)) {
      word = address->text();
    }
    value.glob = std::move(word);
    return value;
  }

  static constexpr std::array<std::pair<std::string_view, Key>, 18> kKeys{{{"src", Key::kSource},
                                                                           {"dst", Key::kDestination},
                                                                           {"ns", Key::kNamespace},
                                                                           {"namespace", Key::kNamespace},
                                                                           {"pod", Key::kPod},
                                                                           {"service", Key::kService},
                                                                           {"port", Key::kPort},
                                                                           {"proto", Key::kProtocol},
                                                                           {"protocol", Key::kProtocol},
                                                                           {"kind", Key::kKind},
                                                                           {"verdict", Key::kVerdict},
                                                                           {"reason", Key::kReason},
                                                                           {"policy", Key::kPolicy},
                                                                           {"rule", Key::kRule},
                                                                           {"direction", Key::kDirection},
                                                                           {"zone", Key::kZone},
                                                                           {"unit", Key::kUnit},
                                                                           {"reporter", Key::kReporter}}};

  static std::optional<Key> find_key(std::string_view word) {
    for (const auto& [name, key] : kKeys)
      if (name == word) return key;
    return std::nullopt;
  }

  static std::string all_keys() {
    std::string text;
    for (const auto& [name, key] : kKeys) text += (text.empty() ? "" : ", ") + std::string(name);
    return text;
  }

  // A run of characters without meaning in the grammar, or anything between double quotes.
  Result<std::string> read_word(std::string_view what) {
    if (!at_end() && text_[at_] == '"') {
      auto close = text_.find('"', at_ + 1);
      if (close == std::string_view::npos) return expected("a closing '\"'", text_.size());
      auto word = text_.substr(at_ + 1, close - at_ - 1);
      at_ = close + 1;
      return std::string(word);
    }
    auto end = at_;
    while (end < text_.size() && !is_space(text_[end]) &&
           std::string_view("()=!,\"").find(text_[end]) == std::string_view::npos)
      ++end;
    if (end == at_) return expected(what);
    auto word = text_.substr(at_, end - at_);
    at_ = end;
    return std::string(word);
  }

  bool next_is_word(std::string_view word) const {
    if (!text_.substr(at_).starts_with(word)) return false;
    auto after = at_ + word.size();
    return after == text_.size() || is_space(text_[after]) || text_[after] == '(' || text_[after] == ')';
  }

  bool take_word(std::string_view word) {
    if (!next_is_word(word)) return false;
    at_ += word.size();
    skip_spaces();
    return true;
  }

  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    skip_spaces();
    return true;
  }

  static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
  bool at_end() const { return at_ == text_.size(); }
  void skip_spaces() {
    while (!at_end() && is_space(text_[at_])) ++at_;
  }

  std::uint32_t add_pair(Op op, std::uint32_t left, std::uint32_t right) {
    filter_.nodes_.push_back({op, Key::kAny, left, right, {}});
    return static_cast<std::uint32_t>(filter_.nodes_.size() - 1);
  }
  std::uint32_t add_term(Key key, std::vector<Filter::Value> values) {
    filter_.nodes_.push_back({Op::kTerm, key, 0, 0, std::move(values)});
    return static_cast<std::uint32_t>(filter_.nodes_.size() - 1);
  }

  std::unexpected<Error> expected(std::string_view what) const { return at(at_, what); }
  std::unexpected<Error> expected(std::string_view what, std::size_t position) const { return at(position, what); }
  static std::unexpected<Error> at(std::size_t position, std::string_view what) {
    return fail(EINVAL, fmt::format("filter: position {}: expected {}", position + 1, what));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t terms_ = 0;
  Filter filter_;
};

Result<Filter> Filter::parse(std::string_view text) { return FilterParser(text).parse(); }

}  // namespace weft
