#include "agent/app/names_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <optional>

#include "agent/base/fd.hpp"

namespace weft {
namespace {

std::size_t count(const Names& names) { return names.workloads.size() + names.services.size() + names.zones.size(); }

UsedIds used_ids(const Tables& maps, const std::vector<weft_edge_key>& edges) {
  UsedIds used;
  for (const auto& [key, service] : maps.services) used.services.insert(service.service);
  for (const auto& [id, endpoint] : maps.endpoints)
    used.workloads.insert(endpoint.workload), used.zones.insert(endpoint.zone);
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

Result<> replace_file(const std::filesystem::path& path, const std::string& text) {
  auto staged = path.string() + ".next";
  WEFT_TRY(write_file(staged, text));
  if (::rename(staged.c_str(), path.c_str()) != 0) return fail_errno(errno, "state.dir: " + path.string());
  return {};
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string((std::istreambuf_iterator<char>(in)), {});
}

std::unexpected<Error> put_aside(const std::filesystem::path& path, Error why) {
  auto aside = path.string() + ".damaged";
  ::rename(path.c_str(), aside.c_str());
  return std::unexpected(std::move(why).in(path.string() + " (kept as " + aside + ")"));
}

}  // namespace

Result<NamesStore> NamesStore::open(const std::filesystem::path& directory) {
  std::error_code problem;
  std::filesystem::create_directories(directory.parent_path(), problem);
  if (::mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST)
    return fail_errno(errno, "state.dir: cannot create " + directory.string());
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return fail_errno(errno, "state.dir: cannot write to " + directory.string());
  return NamesStore(directory);
}

Result<Names> NamesStore::load(const Tables& maps, const std::vector<weft_edge_key>& edges) const {
  auto text = read_file(file_);
  if (!text) return Names{};
  auto names = names_from_text(*text);
  if (names) return forget_unused(*names, used_ids(maps, edges));
  return put_aside(file_, std::move(names).error());
}

Result<> NamesStore::save(const std::shared_ptr<const Names>& names) {
  if (!names || names == saved_ || (saved_ && count(*names) == saved_count_)) return {};
  WEFT_TRY(replace_file(file_, names_to_text(*names)));
  saved_ = names;
  saved_count_ = count(*names);
  return {};
}

Result<RuleNames> NamesStore::load_rules() const {
  auto text = read_file(rules_file_);
  if (!text) return RuleNames{};
  auto rules = rule_names_from_text(*text);
  if (rules) return rules;
  return put_aside(rules_file_, std::move(rules).error());
}

Result<> NamesStore::save_rules(const std::shared_ptr<const RuleNames>& rules) {
  if (!rules || rules == saved_rules_) return {};
  WEFT_TRY(replace_file(rules_file_, rule_names_to_text(*rules)));
  saved_rules_ = rules;
  return {};
}

}  // namespace weft
