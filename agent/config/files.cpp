// The part of loading that touches the machine: files, environment, host name.
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <memory>

#include "agent/base/fd.hpp"
#include "agent/config/load.hpp"

extern char** environ;

namespace weft {
namespace {

constexpr std::size_t kLargestFile = 1 << 20;
constexpr std::size_t kMostFiles = 1000;  // of weft.yaml.d; far beyond what a person writes

Result<std::string> read_whole(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return fail_errno(errno, "cannot be opened");
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return fail_errno(errno, "cannot be looked at");
  if (!S_ISREG(status.st_mode)) return fail(EINVAL, "is not a regular file");
  std::string text;
  char buffer[16384];
  while (true) {
    auto count = ::read(fd.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "cannot be read");
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kLargestFile) return fail(EFBIG, "is larger than 1 MiB; split it");
  }
}

std::vector<std::string> list_drop_ins(const std::string& directory) {
  std::vector<std::string> paths;
  std::unique_ptr<DIR, int (*)(DIR*)> handle(::opendir(directory.c_str()), ::closedir);
  if (!handle) return paths;
  while (const auto* entry = ::readdir(handle.get())) {
    std::string_view name = entry->d_name;
    if (name.ends_with(".yaml") && !name.starts_with('.')) paths.push_back(directory + "/" + std::string(name));
    if (paths.size() == kMostFiles) break;
  }
  std::ranges::sort(paths);
  return paths;
}

std::string load_host_name() {
  char buffer[256] = {};
  if (::gethostname(buffer, sizeof buffer - 1) != 0) return "";
  std::string name(buffer);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return name;
}

std::vector<std::pair<std::string, std::string>> load_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    std::string_view text = *variable;
    auto equals = text.find('=');
    if (text.starts_with("WEFT_") && equals != std::string_view::npos)
      variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::ranges::sort(variables);
  return variables;
}

}  // namespace

LoadedConfig load_config(const ConfigRequest& request) {
  ConfigSources sources;
  std::vector<ConfigFinding> unreadable;
  auto read = [&](const std::string& path, bool may_be_missing) {
    auto text = read_whole(path);
    if (text)
      sources.files.push_back({path, *std::move(text)});
    else if (!may_be_missing || (text.error().code != ENOENT && text.error().code != ENOTDIR))
      unreadable.push_back(
          {ConfigFinding::Severity::kError, FindingCode::kConfigUnreadable, path, "", "the file " + text.error().what});
  };
  for (const auto& path : request.files) read(path, false);
  if (request.files.empty()) {
    read(request.directory + "/weft.yaml", true);
    for (const auto& path : list_drop_ins(request.directory + "/weft.yaml.d")) read(path, false);
  }
  sources.environment = load_environment();
  sources.settings = request.settings;
  sources.host_name = load_host_name();
  auto loaded = make_config(sources);
  loaded.findings.insert(loaded.findings.begin(), unreadable.begin(), unreadable.end());
  return loaded;
}

}  // namespace weft
