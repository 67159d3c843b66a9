#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "agent/base/findings.hpp"
#include "agent/cli/bundle.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/manifest_paths.hpp"
#include "agent/cli/print.hpp"
#include "agent/cli/text.hpp"
#include "agent/model/analyze.hpp"
#include "agent/model/decode.hpp"
#include "agent/model/fold.hpp"
#include "agent/model/manifest.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr const char* kSource = "files";

// The mesh that the files describe, folded by the agent's own code.
class Mesh {
 public:
  Mesh() { fold_.expect_source(kSource); }

  void read(const std::string& path) {
    std::vector<ObjectKey> claimed;
    auto events = manifest_events({kSource, path, {}}, decode(path), claimed);
    events_.insert(events_.end(), std::make_move_iterator(events.begin()), std::make_move_iterator(events.end()));
  }

  std::vector<Diagnostic> findings() {
    events_.push_back({SourceSynced{kSource}, {}});
    auto snapshot = fold_.apply(events_).snapshot;
    std::vector<Diagnostic> found;
    snapshot->diagnostics.for_each(
        [&](const auto&, const std::vector<Diagnostic>& list) { found.insert(found.end(), list.begin(), list.end()); });
    for (auto& finding : analyze(*snapshot)) {
      if (finding.origin.empty()) finding.origin = origins_[finding.object];
      found.push_back(std::move(finding));
    }
    std::ranges::stable_sort(found, {}, &Diagnostic::origin);
    return found;
  }

  std::size_t objects() const { return origins_.size(); }

 private:
  Decoded decode(const std::string& path) {
    auto text = load_file(path);
    if (!text) {
      Diagnostic unreadable{
          Diagnostic::Severity::kError, finding_code(FindingCode::kFileUnreadable), {}, "", text.error().message, path};
      return {{}, {}, false, {unreadable}, false};
    }
    auto decoded = decode_manifest(path, *text);
    for (const auto& item : decoded.objects) origins_.try_emplace(object_key(item.object), item.origin);
    return decoded;
  }

  Fold fold_;
  std::vector<Event> events_;
  std::map<ObjectKey, std::string> origins_;
};

std::string object_text(const ObjectKey& key) { return key.name.empty() ? "" : key.text(); }

json finding_json(const Diagnostic& finding) {
  return {{"severity", finding.severity == Diagnostic::Severity::kError ? "error" : "warning"},
          {"code", finding.code},
          {"object", object_text(finding.object)},
          {"field", finding.field},
          {"reason", finding.reason},
          {"origin", finding.origin}};
}

// As compilers write it, so that editors find the place.
std::string line_of(const json& finding, const Console& console) {
  auto severity = text_at(finding, "severity");
  std::string line = escaped(text_at(finding, "origin")) + ": " + console.paint(severity, state_tone(severity)) + " " +
                     text_at(finding, "code") + ": ";
  for (const auto* field : {"object", "field"})
    if (auto text = text_at(finding, field); !text.empty()) line += escaped(text) + ": ";
  return line + escaped(text_at(finding, "reason")) + "\n";
}

void print_findings(const json& document, const Invocation& wanted, Console& console) {
  auto format = wanted.format();
  if (format == Format::kTable || format == Format::kWide) {
    for (const auto& finding : list_at(document, "items")) console.out(line_of(finding, console));
    return;
  }
  print_list(document, {{}, [](const json& item) { return text_at(item, "object"); }}, format, console);
}

}  // namespace

Outcome<ExitCode> run_analyze(Session& session) {
  const auto& wanted = session.wanted;
  auto files = WEFT_TRY(find_manifests(wanted.words));
  Mesh mesh;
  for (const auto& file : files) mesh.read(file);
  auto items = json::array();
  std::size_t errors = 0, warnings = 0;
  for (const auto& finding : mesh.findings()) {
    items.push_back(finding_json(finding));
    ++(finding.severity == Diagnostic::Severity::kError ? errors : warnings);
  }
  print_findings({{"apiVersion", "weft/v1"}, {"kind", "FindingList"}, {"items", items}}, wanted, session.console);
  session.console.hint(
      fmt::format("{} objects in {} files: {} errors, {} warnings", mesh.objects(), files.size(), errors, warnings));
  return errors > 0 || (wanted.strict && warnings > 0) ? kProblemsFound : kOk;
}

}  // namespace weft::cli
