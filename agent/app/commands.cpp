#include "agent/app/commands.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "agent/api/render.hpp"
#include "agent/app/names_store.hpp"
#include "agent/app/node.hpp"
#include "agent/app/status.hpp"
#include "agent/discovery/files.hpp"
#include "agent/kernel/cleanup.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"
#include "agent/model/fold.hpp"

namespace weft {
namespace {

constexpr const char* kServiceUser = "weft";  // of deploy/sysusers.d
constexpr int kOk = 0, kFailed = 1, kProblems = 2, kInvalidInput = 65;

using State = CheckView::State;

CheckView checked(FindingCode code, const std::string& subject, const Result<>& result, const std::string& good) {
  return make_check(code, result ? State::kOk : State::kError, subject, result ? good : result.error().what);
}

template <class T>
Result<> without_value(const Result<T>& result) {
  if (!result) return std::unexpected(result.error());
  return {};
}

// Whoever may own the pin directory: root asks on behalf of the user that the unit of the package runs weftd as.
uid_t judged_owner(const std::filesystem::path& path) {
  struct stat info{};
  const auto* service = ::geteuid() == 0 ? ::getpwnam(kServiceUser) : nullptr;
  bool of_service = service != nullptr && ::lstat(path.c_str(), &info) == 0 && info.st_uid == service->pw_uid;
  return of_service ? info.st_uid : ::geteuid();
}

// Nothing is created: a pin directory that does not exist yet is judged by its parent.
Result<> check_bpffs(const std::filesystem::path& path) {
  if (std::error_code problem; std::filesystem::exists(std::filesystem::symlink_status(path, problem)))
    return check_pin_directory(path, judged_owner(path));
  auto opened = without_value(open_pin_directory(path));
  if (opened) {
    for (const char* part : {"maps", "links", "progs"}) std::filesystem::remove(path / part);
    std::filesystem::remove(path);
  }
  return opened;
}

void probe_kernel(const DatapathOptions& options, std::vector<CheckView>& checks) {
  for (const auto& probe : probe_programs(options)) {
    auto good = fmt::format("{} instructions, {} verified", probe.instructions, probe.verified_instructions);
    checks.push_back(make_check(FindingCode::kNodeProgram, probe.loads ? State::kOk : State::kError, probe.name,
                                probe.loads ? good : probe.problem));
  }
}

}  // namespace

int run_check(const LoadedConfig& config) {
  int errors = 0;
  for (const auto& finding : config.findings) {
    std::fprintf(stderr, "%s\n", finding.text().c_str());
    errors += finding.severity == ConfigFinding::Severity::kError;
  }
  Fold fold;
  auto files = FilesSource::open({.paths = config.config.discovery.file_paths});
  if (!files) {
    std::fprintf(stderr, "%s\n", files.error().what.c_str());
    return kFailed;
  }
  auto folded = fold.apply(files->scan_all(FilesSource::Time::clock::now()));
  folded.snapshot->diagnostics.for_each([&](const NamespacedName&, const std::vector<Diagnostic>& findings) {
    for (const auto& finding : findings) {
      bool error = finding.severity == Diagnostic::Severity::kError;
      std::fprintf(stderr, "%s: %s %s: %s%s%s\n", finding.origin.c_str(), error ? "error" : "warning",
                   finding.code.c_str(), finding.field.c_str(), finding.field.empty() ? "" : ": ",
                   finding.reason.c_str());
      errors += error;
    }
  });
  if (errors > 0) return kInvalidInput;
  std::printf("configuration and %zu manifest files are valid\n", files->file_count());
  return kOk;
}

int run_probe(const LoadedConfig& config) {
  std::vector<CheckView> checks;
  auto cgroup = config.config.datapath.cgroup.empty() ? find_cgroup2()
                                                      : Result<std::filesystem::path>(config.config.datapath.cgroup);
  checks.push_back(checked(FindingCode::kNodeCapabilities, "capabilities", check_capabilities(), "all that is needed"));
  checks.push_back(checked(FindingCode::kNodeBtf, "kernel " + kernel_release(), check_btf(), "has BTF"));
  checks.push_back(checked(FindingCode::kNodeCgroup, "cgroup",
                           cgroup ? without_value(open_cgroup2(*cgroup)) : without_value(cgroup),
                           cgroup ? cgroup->string() : ""));
  checks.push_back(checked(FindingCode::kNodeBpffs, config.config.datapath.bpffs,
                           check_bpffs(config.config.datapath.bpffs), "can be used"));
  bool possible =
      std::all_of(checks.begin(), checks.end(), [](const CheckView& check) { return check.state == State::kOk; });
  if (possible) {
    DatapathOptions options;
    options.bpffs = config.config.datapath.bpffs;
    options.cgroup = *cgroup;
    checks.push_back(
        checked(FindingCode::kNodePinnedMap, "pinned maps", check_pinned_maps(options), "none is of another shape"));
    probe_kernel(options, checks);
  }
  std::string list;
  for (const auto& check : checks) {
    list += list.empty() ? "" : ",";
    append_json(list, check);
  }
  std::printf("{\"apiVersion\":\"weft/v1\",\"kind\":\"CheckList\",\"items\":[%s]}\n", list.c_str());
  bool good =
      std::all_of(checks.begin(), checks.end(), [](const CheckView& check) { return check.state != State::kError; });
  return good ? kOk : kProblems;
}

int run_cleanup(const LoadedConfig& config, bool dry_run) {
  auto items = clean_up(config.config.datapath.bpffs, dry_run);
  if (!items) {
    std::fprintf(stderr, "weftd: %s\n", items.error().what.c_str());
    return kFailed;
  }
  const std::filesystem::path state = config.config.state.dir;
  for (const auto& file : {std::filesystem::path(config.config.api.socket), state / NamesStore::kNamesFile,
                           state / NamesStore::kRulesFile}) {
    if (!std::filesystem::exists(file)) continue;
    bool removed = !dry_run && std::filesystem::remove(file);
    items->push_back({"file", file.string(), dry_run ? "would-remove" : removed ? "removed" : "left", ""});
  }
  nlohmann::json list = nlohmann::json::array();
  bool left = false;
  for (const auto& item : *items) {
    list.push_back({{"kind", item.kind}, {"path", item.path}, {"state", item.state}, {"reason", item.reason}});
    left = left || item.state == "left";
  }
  std::printf("%s\n",
              nlohmann::json{{"apiVersion", "weft/v1"}, {"kind", "CleanupResult"}, {"items", list}}.dump().c_str());
  return left ? kProblems : kOk;
}

}  // namespace weft
