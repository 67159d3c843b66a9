#include <map>
#include <nlohmann/json.hpp>

#include "agent/cli/command_info.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/subject.hpp"
#include "agent/cli/text.hpp"
#include "agent/config/nearest.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

Outcome<std::string> find_kind(const std::string& word) {
  static const std::map<std::string, std::string> kShort = {
      {"service", "services"},   {"svc", "services"},          {"endpoint", "endpoints"}, {"ep", "endpoints"},
      {"workload", "workloads"}, {"identity", "identities"},   {"policy", "policies"},    {"route", "routes"},
      {"cert", "certs"},         {"connection", "connections"}};
  if (auto it = kShort.find(word); it != kShort.end()) return it->second;
  for (const auto& kind : object_kinds())
    if (kind == word) return kind;
  return failure(kUsage, "there is no kind '" + word + "'" + did_you_mean(word, object_kinds()),
                 "The kinds are " + joined(object_kinds(), ", ") + ".");
}

json named_items(const json& items, const NameWords& words) {
  auto kept = json::array();
  for (const auto& item : items)
    if (is_named(item, words)) kept.push_back(item);
  return kept;
}

// An object of the kind with this very name comes before what else the name could mean.
Outcome<json> select_items(Source& source, const std::string& kind, const json& items, const Invocation& wanted) {
  auto named = named_items(items, split_name(wanted.name, wanted.space));
  if (!named.empty()) return named;
  auto workloads = WEFT_TRY(source.get("workloads"));
  auto services = WEFT_TRY(source.get("services"));
  auto subject =
      WEFT_TRY(resolve_subject(wanted.name, wanted.space, list_at(workloads, "items"), list_at(services, "items")));
  return matching_items(kind, items, subject);
}

}  // namespace

Outcome<ExitCode> run_get(Session& session) {
  const auto& wanted = session.wanted;
  auto kind = WEFT_TRY(find_kind(wanted.kind));
  auto source = WEFT_TRY(open_source(wanted));
  // Connections lie in two namespaces at once, so they are not narrowed by the agent.
  auto space = wanted.all_spaces || kind == "connections" ? "" : wanted.space;
  auto document = WEFT_TRY(source->get(kind, space));
  if (!wanted.name.empty()) {
    document["items"] = WEFT_TRY(select_items(*source, kind, list_at(document, "items"), wanted));
  } else if (kind == "connections" && !wanted.space.empty() && !wanted.all_spaces) {
    auto kept = json::array();
    for (const auto& item : list_at(document, "items"))
      if (text_at(item, "source.namespace") == wanted.space || text_at(item, "destination.namespace") == wanted.space)
        kept.push_back(item);
    document["items"] = std::move(kept);
  }
  print_list(document, list_view(kind), wanted.format(), session.console);
  return kOk;
}

}  // namespace weft::cli
