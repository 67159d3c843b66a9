#include "agent/app/cgroups.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace weft {
namespace {

// The unit's own cgroup is a directory of its name, in whatever slice (systemd.unit(5)).
bool in_unit(const std::string& path, const std::string& unit) {
  auto at = path.find("/" + unit);
  if (at == std::string::npos) return false;
  auto end = at + 1 + unit.size();
  return end == path.size() || path[end] == '/';
}

bool below(const std::string& path, const std::string& ancestor) {
  if (ancestor == "/") return true;
  return path.rfind(ancestor, 0) == 0 && (path.size() == ancestor.size() || path[ancestor.size()] == '/');
}

bool claims(const Workload::Process& process, const std::string& path) {
  if (!process.systemd_unit.empty()) return in_unit(path, process.systemd_unit);
  return !process.cgroup.empty() && below(path, process.cgroup);
}

}  // namespace

void CgroupTree::scan() {
  paths_.clear();
  std::vector<std::string> unread{""};
  while (!unread.empty() && paths_.size() < kMaxCgroups) {
    auto path = std::move(unread.back());
    unread.pop_back();
    struct stat info{};
    if (::stat((root_.string() + path).c_str(), &info) != 0) continue;
    paths_.emplace(info.st_ino, path.empty() ? "/" : path);
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator(root_.string() + path, gone)) {
      std::error_code unreadable;
      if (entry.is_directory(unreadable) && !entry.is_symlink(unreadable))
        unread.push_back(path + "/" + entry.path().filename().string());
    }
  }
}

std::string CgroupTree::find_path(std::uint64_t id) const {
  auto it = paths_.find(id);
  return it == paths_.end() ? std::string() : it->second;
}

Table<weft_process_key, std::uint32_t> CgroupTree::owners(const std::vector<ProcessOwner>& processes) const {
  Table<weft_process_key, std::uint32_t> rows;
  for (const auto& owner : processes) {
    if (owner.process.uid) rows.emplace(weft_process_key{*owner.process.uid, WEFT_PROCESS_UID, 0}, owner.workload);
    for (const auto& [id, path] : paths_)
      if (claims(owner.process, path)) rows.emplace(weft_process_key{id, WEFT_PROCESS_CGROUP, 0}, owner.workload);
  }
  return rows;
}

}  // namespace weft
