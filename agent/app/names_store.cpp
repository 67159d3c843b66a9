#include "agent/app/names_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "agent/base/fd.hpp"

namespace weft {
namespace {

std::size_t count(const Names& names) { return names.workloads.size() + names.services.size() + names.zones.size(); }

UsedIds used_ids(const Tables& maps, const std::vector<weft_edge_key>& edges) {
  UsedIds used;
  for (const auto& [key, service] : maps.services) used.services.insert(service.service);
  for (const auto& [id, endpoint] : maps.endpoints) used.workloads.insert(endpoint.workload), used.zones.insert(endpoint.zone);
  for (const auto& [key, owner] : maps.owners) used.workloads.insert(owner.workload), used.zones.insert(owner.zone);
  for (const auto& [key, workload] : maps.processes) used.workloads.insert(workload);
  for (const auto& edge : edges) {
    used.workloads.insert(edge.source);
    used.workloads.insert(edge.destination);
    used.services.insert(edge.service);
  }
  return used;
}

Result<> write_file(const std::filesystem::path& path, const std::string& text) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640));
  if (!file) return fail_errno(errno, "state.dir: " + path.string());
  for (std::size_t at = 0; at < text.size();) {
    auto written = ::write(file.get(), text.data() + at, text.size() - at);
    if (written < 0 && errno != EINTR) return fail_errno(errno, "state.dir: write " + path.string());
    if (written > 0) at += static_cast<std::size_t>(written);
  }
  if (::fdatasync(file.get()) != 0) return fail_errno(errno, "state.dir: write " + path.string());
  return {};
}

}  // namespace

Result<NamesStore> NamesStore::open(const std::filesystem::path& directory) {
  std::error_code problem;
  std::filesystem::create_directories(directory.parent_path(), problem);
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
    return fail_errno(errno, "state.dir: cannot create " + directory.string());
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return fail_errno(errno, "state.dir: cannot write to " + directory.string());
  return NamesStore(directory / "names.json");
}

Result<Names> NamesStore::load(const Tables& maps, const std::vector<weft_edge_key>& edges) const {
  std::ifstream in(file_, std::ios::binary);
  if (!in) return Names{};
  std::string text((std::istreambuf_iterator<char>(in)), {});
  auto names = names_from_text(text);
  if (names) return forget_unused(*names, used_ids(maps, edges));
  auto aside = file_.string() + ".damaged";
  ::rename(file_.c_str(), aside.c_str());
  return std::unexpected(std::move(names).error().in(file_.string() + " (kept as " + aside + ")"));
}

Result<> NamesStore::save(const std::shared_ptr<const Names>& names) {
  if (!names || names == saved_ || (saved_ && count(*names) == saved_count_)) return {};
  auto staged = file_.string() + ".next";
  WEFT_TRY(write_file(staged, names_to_text(*names)));
  if (::rename(staged.c_str(), file_.c_str()) != 0) return fail_errno(errno, "state.dir: " + file_.string());
  saved_ = names;
  saved_count_ = count(*names);
  return {};
}

}  // namespace weft
