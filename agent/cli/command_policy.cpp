#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/cli/bundle.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/manifest_paths.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/table.hpp"
#include "agent/cli/text.hpp"
#include "agent/model/decode.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kPolicyLimit{60000};
constexpr std::chrono::milliseconds kLongestLast{3'600'000};  // what the agent remembers
constexpr std::size_t kMostBytes = 1000UL * 1000;             // of a request, which the agent takes up to 1 MiB of

std::string line_of(const Diagnostic& finding) {
  std::string line = finding.origin + ": " + finding.code + ": ";
  if (!finding.object.name.empty()) line += finding.object.text() + ": ";
  if (!finding.field.empty()) line += finding.field + ": ";
  return escaped(line + finding.reason);
}

bool is_tried(const Object& object) {
  auto kind = object_key(object).kind;
  return kind == ObjectKind::kNetworkPolicy || kind == ObjectKind::kClusterNetworkPolicy ||
         kind == ObjectKind::kNamespace;
}

// The files that hold something to try; wrong ones are told here, where their names mean something.
Outcome<json> read_files(const std::vector<std::string>& paths, const Console& console) {
  auto files = json::array();
  std::size_t bytes = 0, errors = 0;
  for (const auto& path : WEFT_TRY(find_manifests(paths))) {
    auto text = load_file(path);
    if (!text) return failure(kInvalidInput, "cannot read " + path + ": " + text.error().message);
    auto decoded = decode_manifest(path, *text);
    for (const auto& finding : decoded.diagnostics) {
      if (finding.severity != Diagnostic::Severity::kError) continue;
      console.hint(line_of(finding));
      ++errors;
    }
    if (!std::ranges::any_of(decoded.objects, [](const auto& item) { return is_tried(item.object); })) continue;
    bytes += text->size();
    files.push_back({{"name", path}, {"text", std::move(*text)}});
  }
  if (errors > 0) return failure(kInvalidInput, fmt::format("{} errors in the files; nothing was tried", errors));
  if (files.empty())
    return failure(kInvalidInput, "the files hold no policy",
                   "NetworkPolicy, ClusterNetworkPolicy and Namespace objects can be tried.");
  if (bytes > kMostBytes)
    return failure(
        kInvalidInput,
        fmt::format("the files have {} together, the agent takes 1 MB", bytes_text(static_cast<double>(bytes))),
        "Try fewer files at once.");
  return files;
}

Outcome<std::int64_t> last_seconds(const Invocation& wanted) {
  auto last = wanted.period.value_or(kLongestLast);
  if (last > kLongestLast)
    return failure(kUsage, "the agent remembers the connections of one hour", "Say --last 1h or less.");
  return std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::seconds>(last).count());
}

Outcome<json> ask(const Invocation& wanted, const std::string& target, const json& request) {
  if (!wanted.bundle.empty())
    return failure(kUsage, "a bug report cannot try policies", "Leave --from out; the running agent answers.");
  return post(wanted, target, request, kPolicyLimit);
}

std::string counted(const json& value, std::string_view path, std::string_view one, std::string_view many) {
  auto count = text_at(value, path);
  return fmt::format("{} {}", count, count == "1" ? one : many);
}

std::string end_text(const json& end) {
  auto address = text_at(end, "address");
  return address.empty() ? full_name(text_at(end, "namespace"), text_at(end, "workload")) : address;
}

std::string rule_text(const json& edge) {
  auto policy = full_name(text_at(edge, "decidedBy.namespace"), text_at(edge, "decidedBy.name"));
  if (policy.empty()) return text_at(edge, "detail");
  return fmt::format("{} {} {}", text_at(edge, "decidedBy.kind"), policy, text_at(edge, "decidedBy.rule"));
}

std::string part_text(const json& part, std::string_view words, Tone tone, const Console& console) {
  auto text = console.paint(words, tone) + " " + counted(part, "edges", "edge", "edges") + ", " +
              counted(part, "connections", "connection", "connections");
  const auto& items = list_at(part, "items");
  if (items.empty()) return text + "\n";
  Table table({{"SOURCE"}, {"DESTINATION"}, {"PORT"}, {"CONNECTIONS", true}, {"SIDE"}, {"RULE"}});
  for (const auto& edge : items)
    table.add({{end_text(edge["source"])},
               {end_text(edge["destination"])},
               {text_at(edge, "port") + "/" + text_at(edge, "protocol")},
               {text_at(edge, "connections")},
               {text_at(edge, "direction")},
               {rule_text(edge)}});
  text += "\n" + table.text(console);
  auto hidden = number_at(part, "edges") - static_cast<double>(items.size());
  if (hidden > 0) text += fmt::format("and {} more edges\n", hidden);
  return text + "\n";
}

void hint_seen(const json& document, const Console& console) {
  console.hint(fmt::format("{} seen from {} to {}", counted(document, "seen.connections", "connection", "connections"),
                           text_at(document, "seen.since"), text_at(document, "seen.until")));
  if (number_at(document, "seen.unrecorded") > 0)
    console.hint(text_at(document, "seen.unrecorded") + " connections had no room and are not among them");
}

std::string trial_text(const json& document, const Console& console) {
  auto bad = number_at(document, "newlyDenied.edges") > 0 ? Tone::kBad : Tone::kGood;
  return part_text(document["newlyDenied"], "would newly deny", bad, console) +
         part_text(document["newlyAllowed"], "would newly allow", Tone::kBold, console);
}

// Problems are comments, so that the output is a manifest whatever it holds.
std::string drafts_text(const json& document) {
  std::string text;
  for (const auto& draft : list_at(document, "items")) {
    auto name = escaped(full_name(text_at(draft, "namespace"), text_at(draft, "workload")));
    text += "---\n# " + name + ": " + counted(draft, "connections", "connection", "connections") + "\n";
    if (number_at(draft, "inexpressible") > 0)
      text += "# not in it: " + counted(draft, "inexpressible", "connection", "connections") +
              " of protocols that a NetworkPolicy cannot name\n";
    if (auto problem = text_at(draft, "problem"); !problem.empty()) text += "# none for it: " + problem + "\n";
    text += text_at(draft, "manifest");
  }
  return text;
}

}  // namespace

Outcome<ExitCode> run_policy_try(Session& session) {
  const auto& wanted = session.wanted;
  json request{{"lastSeconds", WEFT_TRY(last_seconds(wanted))},
               {"files", WEFT_TRY(read_files(wanted.words, session.console))},
               {"delete", wanted.remove}};
  auto document = WEFT_TRY(ask(wanted, "/api/v1/policy/try", request));
  WEFT_TRY(print_document(document, wanted.format(), session.console,
                          [&] { return trial_text(document, session.console); }));
  hint_seen(document, session.console);
  if (number_at(document, "ignored") > 0)
    session.console.hint(text_at(document, "ignored") + " objects are no policies and no namespaces: left out");
  if (number_at(document, "absent") > 0)
    session.console.hint(text_at(document, "absent") + " objects that would be deleted are not there");
  return number_at(document, "newlyDenied.edges") > 0 ? kVerdictDeny : kOk;
}

Outcome<ExitCode> run_policy_suggest(Session& session) {
  const auto& wanted = session.wanted;
  auto space = wanted.space, workload = wanted.name;
  if (auto slash = workload.find('/'); slash != std::string::npos) {
    space = workload.substr(0, slash);
    workload = workload.substr(slash + 1);
  }
  json request{{"lastSeconds", WEFT_TRY(last_seconds(wanted))}, {"namespace", space}, {"workload", workload}};
  auto document = WEFT_TRY(ask(wanted, "/api/v1/policy/suggest", request));
  WEFT_TRY(print_document(document, wanted.format(), session.console, [&] { return drafts_text(document); }));
  hint_seen(document, session.console);
  return kOk;
}

}  // namespace weft::cli
