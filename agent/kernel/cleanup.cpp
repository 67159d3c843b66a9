#include "agent/kernel/cleanup.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "agent/kernel/catalog.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/pins.hpp"
#include "agent/kernel/pod_filters.hpp"

namespace weft {
namespace {

bool owned(const std::string& part, std::string name) {
  if (name.ends_with("_next")) name.resize(name.size() - 5);
  auto is_numbered = [&](const Hook& hook) { return number_of_pin(hook.name, name).has_value(); };
  if (part != "maps")
    return std::any_of(kHooks.begin(), kHooks.end(), [&](const Hook& hook) { return hook.name == name; }) ||
           std::any_of(kPodHooks.begin(), kPodHooks.end(), is_numbered) ||
           std::any_of(kUplinkHooks.begin(), kUplinkHooks.end(), is_numbered);
  return std::any_of(kPinnedMaps.begin(), kPinnedMaps.end(), [&](const PinnedMap& map) {
    auto prefix = std::string(map.name) + "_v";
    return name.rfind(prefix, 0) == 0 && name.find_first_not_of("0123456789", prefix.size()) == std::string::npos;
  });
}

CleanupItem removal(const std::string& kind, const std::filesystem::path& path, bool dry_run, bool directory) {
  if (dry_run) return {kind, path.string(), "would-remove", ""};
  int failed = directory ? ::rmdir(path.c_str()) : ::unlink(path.c_str());
  if (failed != 0) return {kind, path.string(), "left", std::strerror(errno)};
  return {kind, path.string(), "removed", ""};
}

void clean_part(const std::filesystem::path& bpffs, const std::string& part, const std::string& kind, bool dry_run,
                std::vector<CleanupItem>& items) {
  std::vector<std::filesystem::path> pins;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(bpffs / part, missing)) pins.push_back(entry.path());
  if (missing) return;
  std::sort(pins.begin(), pins.end());
  bool foreign = false;
  for (const auto& pin : pins) {
    if (owned(part, pin.filename().string())) {
      items.push_back(removal(kind, pin, dry_run, false));
      continue;
    }
    items.push_back({kind, pin.string(), "left", "not made by weft"});
    foreign = true;
  }
  if (!foreign) items.push_back(removal("directory", bpffs / part, dry_run, true));
}

}  // namespace

Result<std::vector<CleanupItem>> clean_up(const std::filesystem::path& bpffs, bool dry_run) {
  std::vector<CleanupItem> items;
  std::error_code problem;
  if (!std::filesystem::exists(std::filesystem::symlink_status(bpffs, problem))) return items;
  Fd directory(::open(bpffs.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) return fail_errno(errno, "open " + bpffs.string());
  WEFT_TRY(lock_pin_directory(directory, bpffs));
  for (auto& filter : WEFT_TRY(remove_pod_filters(bpffs, dry_run)))
    items.push_back({"filter", std::move(filter), dry_run ? "would-remove" : "removed", ""});
  clean_part(bpffs, "links", "link", dry_run, items);
  clean_part(bpffs, "progs", "program", dry_run, items);
  clean_part(bpffs, "maps", "map", dry_run, items);
  bool left = std::any_of(items.begin(), items.end(), [](const CleanupItem& item) { return item.state == "left"; });
  if (!left) items.push_back(removal("directory", bpffs, dry_run, true));
  return items;
}

}  // namespace weft
