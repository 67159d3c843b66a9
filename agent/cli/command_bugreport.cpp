#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <ctime>
#include <nlohmann/json.hpp>

#include "agent/base/fd.hpp"
#include "agent/base/version.hpp"
#include "agent/cli/bundle.hpp"
#include "agent/cli/child.hpp"
#include "agent/cli/commands.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/secrets.hpp"
#include "agent/cli/source.hpp"
#include "agent/cli/tar.hpp"
#include "agent/cli/text.hpp"
#include "agent/cli/yaml_text.hpp"
#include "agent/config/keys.hpp"
#include "agent/config/load.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kProbeLimit{60000};
constexpr std::uint32_t kMostFlows = 10000;

// Gathers parts; what cannot be had is listed with its reason instead of ending the report.
class Report {
 public:
  void add(const std::string& name, std::string content) {
    files_.push_back({std::string(kBundleRoot) + name, std::move(content)});
  }
  void miss(const std::string& name, const std::string& reason) { missing_[name] = reason; }
  void add_or_miss(const std::string& name, Outcome<std::string> content) {
    content ? add(name, *std::move(content)) : miss(name, content.error().message);
  }
  const json& missing() const { return missing_; }
  std::string finish(const std::string& node, std::time_t now) {
    json head = {
        {"apiVersion", "weft/v1"}, {"kind", "BugReport"}, {"version", weft_version()}, {"node", node}, {"time", now},
        {"missing", missing_}};
    add("bundle.json", safe_json(head, 2) + "\n");
    return make_archive(files_, static_cast<std::uint64_t>(now));
  }

 private:
  std::vector<ArchiveFile> files_;
  json missing_ = json::object();
};

// The agent's answers; false when it is not there at all.
bool collect_agent(Source& source, Report& report) {
  for (const auto& name : bundled_documents()) {
    auto document = source.get(name);
    if (!document && (document.error().code == kNotReachable || document.error().code == kNoPermission)) {
      report.miss("api", document.error().message);
      return false;
    }
    if (!document) {
      report.miss("api/" + name + ".json", document.error().message);
      continue;
    }
    mask_secrets(*document);
    report.add("api/" + name + ".json", safe_json(*document, 1) + "\n");
  }
  std::string flows;
  auto told = source.flows({"", kMostFlows, false}, [&](std::string_view line) {
    flows.append(line) += '\n';
    return true;
  });
  told ? report.add("api/flows.jsonl", std::move(flows)) : report.miss("api/flows.jsonl", told.error().message);
  report.add_or_miss("metrics.txt", source.metrics());
  return true;
}

void collect_config(const Invocation& wanted, Report& report) {
  auto loaded = load_config({wanted.config_files, wanted.settings});
  json document = {{"apiVersion", "weft/v1"},
                   {"kind", "Config"},
                   {"values", config_values(loaded.config)},
                   {"origins", loaded.origins},
                   {"findings", json::array()}};
  for (const auto& finding : loaded.findings) document["findings"].push_back(finding.text());
  mask_secrets(document);
  report.add("config-of-files.json", safe_json(document, 1) + "\n");
}

void collect_system(const Invocation& wanted, Report& report) {
  utsname system{};
  ::uname(&system);
  report.add("system/kernel",
             fmt::format("{} {} {} {}\n", system.sysname, system.release, system.version, system.machine));
  for (const auto& [name, path] : {std::pair{"system/os-release", "/etc/os-release"},
                                   {"system/mounts", "/proc/self/mounts"},
                                   {"system/meminfo", "/proc/meminfo"},
                                   {"system/loadavg", "/proc/loadavg"}})
    report.add_or_miss(name, load_file(path));
  auto weftd = find_weftd();
  if (!weftd) return report.miss("checks-of-node.json", weftd.error().message);
  auto child = run_child(*weftd, {"--probe"}, deadline_of(wanted, kProbeLimit));
  if (!child) return report.miss("checks-of-node.json", child.error().message);
  child->output.empty() ? report.miss("checks-of-node.json", "weftd --probe printed nothing")
                        : report.add("checks-of-node.json", child->output);
}

// Never through a link that somebody left there, and readable by its owner only from the first byte on.
Outcome<> save(const std::string& path, const std::string& bytes) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    auto code = errno == EACCES ? kNoPermission : kFailed;
    return failure(code, "cannot write " + path + ": " + std::strerror(errno),
                   errno == EEXIST ? "Name another file: weft bugreport FILE." : "");
  }
  for (std::string_view rest = bytes; !rest.empty();) {
    auto count = ::write(fd.get(), rest.data(), rest.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      auto problem = failure(kFailed, "cannot write " + path + ": " + std::strerror(errno));
      ::unlink(path.c_str());
      return problem;
    }
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

std::string default_path(const std::string& node, std::time_t now) {
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &utc);
  auto name = node;
  std::ranges::replace_if(name, [](char c) { return c == '/' || static_cast<unsigned char>(c) <= ' '; }, '_');
  return "weft-bugreport-" + name + "-" + stamp + ".tar.gz";
}

}  // namespace

Outcome<ExitCode> run_bugreport(Session& session) {
  const auto& wanted = session.wanted;
  if (!wanted.bundle.empty())
    return failure(kUsage, "a bug report of a bug report has nothing new", "Leave --from out.");
  Report report;
  auto source = WEFT_TRY(open_agent(wanted));
  bool reached = collect_agent(*source, report);
  collect_config(wanted, report);
  collect_system(wanted, report);
  utsname system{};
  ::uname(&system);
  auto now = std::time(nullptr);
  auto path = wanted.name.empty() ? default_path(system.nodename, now) : wanted.name;
  auto bytes = report.finish(system.nodename, now);
  WEFT_TRY(save(path, bytes));
  for (const auto& [name, reason] : report.missing().items())
    session.console.hint("missing: " + name + ": " + escaped(reason.get<std::string>()));
  if (!reached) session.console.hint("the agent did not answer: the report holds facts of the node only");
  session.console.out(path + "\n");
  return kOk;
}

}  // namespace weft::cli
