// weftd, the agent.
#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "agent/app/agent.hpp"
#include "agent/app/commands.hpp"
#include "agent/app/log.hpp"
#include "agent/base/version.hpp"

namespace {

constexpr int kFailed = 1, kUsage = 64, kInvalidInput = 65, kNoPermission = 77;

struct Options {
  weft::ConfigRequest request;
  bool check = false, probe = false, cleanup = false, dry_run = false, version = false;
};

int parse(int argc, char** argv, Options& options) {
  CLI::App app{"weftd: the weft agent of one node"};
  app.add_option("--config", options.request.files, "configuration file; may be given more than once");
  app.add_option("--set", options.request.settings, "a setting, as section.key=value");
  app.add_flag("--check", options.check, "validate configuration and manifests, then exit");
  app.add_flag("--probe", options.probe, "say what this machine allows, as JSON, then exit");
  app.add_flag("--cleanup", options.cleanup, "remove everything that weft owns in the kernel, then exit");
  app.add_flag("--dry-run", options.dry_run, "with --cleanup: only say what would be removed");
  app.add_flag("--version", options.version, "print the version, then exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return -1;
}

int run(const weft::ConfigRequest& request, weft::LoadedConfig config) {
  if (auto log = weft::start_log(config.config.log.level, config.config.log.format); !log) {
    std::fprintf(stderr, "weftd: %s\n", log.error().what.c_str());
    return kFailed;
  }
  for (const auto& finding : config.findings) spdlog::warn("{}", finding.text());
  auto agent = weft::Agent::start(request, std::move(config));
  if (!agent) {
    spdlog::error("{}", agent.error().what);
    return agent.error().code == EPERM || agent.error().code == EACCES ? kNoPermission : kFailed;
  }
  (*agent)->run();
  return 0;
}

// By itself glibc raises the size from which a block is mapped, and thus given back, to that of the largest block ever
// freed: after the BTF of the kernel, megabytes of every later buffer would stay.
void keep_little_memory() {
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
  ::mallopt(M_TRIM_THRESHOLD, 512 * 1024);
}

// Each pod takes two descriptors of links; systemd's soft limit is 1024.
void allow_many_descriptors() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  keep_little_memory();
  allow_many_descriptors();
  Options options;
  if (int code = parse(argc, argv, options); code >= 0) return code;
  if (options.version) {
    fmt::print("weftd {}\n", weft::weft_version());
    return 0;
  }
  auto config = weft::load_config(options.request);
  if (options.check) return weft::run_check(config);
  if (!config.usable()) {
    for (const auto& finding : config.findings) std::fprintf(stderr, "%s\n", finding.text().c_str());
    return kInvalidInput;
  }
  if (options.probe) return weft::run_probe(config);
  if (options.cleanup) return weft::run_cleanup(config, options.dry_run);
  return run(options.request, std::move(config));
}
