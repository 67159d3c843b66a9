// Label selectors. What cannot be read of one is left out of it, so that a broken policy selects too much, never too
// little.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "agent/model/decode_object.hpp"
#include "agent/model/names.hpp"

namespace weft {
namespace {

constexpr std::size_t kMostRequirements = 64;  // each is looked at for each class of pods

using Operator = LabelSelector::Operator;

std::vector<std::string> decode_values(const JsonCursor& expression) {
  auto values = expression.strings("values");
  for (const auto& value : values)
    if (!is_label_value(value))
      expression.problem(FindingCode::kBadLabel, "values", in_quotes(value) + " is not a valid label value");
  return values;
}

std::optional<Operator> decode_operator(const JsonCursor& expression) {
  auto text = expression.required_string("operator");
  if (text == "In") return Operator::kIn;
  if (text == "NotIn") return Operator::kNotIn;
  if (text == "Exists") return Operator::kExists;
  if (text == "DoesNotExist") return Operator::kDoesNotExist;
  if (!text.empty())
    expression.problem(FindingCode::kFieldValue, "operator",
                       "must be In, NotIn, Exists or DoesNotExist, not " + in_quotes(text));
  return std::nullopt;
}

void decode_expression(const JsonCursor& expression, LabelSelector& out) {
  auto before = expression.problem_count();
  expression.refuse_unknown({"key", "operator", "values"});
  auto key = expression.required_string("key");
  if (!key.empty() && !is_label_key(key))
    expression.problem(FindingCode::kBadLabel, "key", in_quotes(key) + " is not a valid label key; use [prefix/]name");
  auto op = decode_operator(expression);
  auto values = decode_values(expression);
  bool needs_values = op == Operator::kIn || op == Operator::kNotIn;
  if (op && needs_values && values.empty())
    expression.problem(FindingCode::kFieldMissing, "values", "must have at least one value for In and NotIn");
  if (op && !needs_values && !values.empty())
    expression.problem(FindingCode::kFieldValue, "values", "must be absent for Exists and DoesNotExist");
  if (expression.problem_count() == before) out.requirements.push_back({std::move(key), *op, std::move(values)});
}

}  // namespace

LabelSelector decode_selector(const JsonCursor& parent, std::string_view key) {
  LabelSelector out;
  auto selector = parent.object(key);
  selector.refuse_unknown({"matchLabels", "matchExpressions"});
  for (auto& [name, value] : decode_labels(selector, "matchLabels"))
    if (is_label_key(name) && is_label_value(value)) out.requirements.push_back({name, Operator::kIn, {value}});
  for (const auto& expression : selector.objects("matchExpressions")) decode_expression(expression, out);
  if (out.requirements.size() > kMostRequirements)
    selector.problem(
        FindingCode::kTooMany, {},
        fmt::format("has {} requirements; at most {} are allowed", out.requirements.size(), kMostRequirements));
  return out;
}

}  // namespace weft
