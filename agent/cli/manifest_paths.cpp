#include "agent/cli/manifest_paths.hpp"

#include <algorithm>
#include <filesystem>
#include <set>

namespace weft::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostFiles = 200000;
constexpr int kDeepest = 64;

bool is_hidden(const fs::path& path) { return path.filename().native().starts_with('.'); }

bool is_manifest(const fs::path& path) {
  auto ending = path.extension();
  return ending == ".yaml" || ending == ".yml" || ending == ".json";
}

// Links are followed; a directory that leads back to one above it is not entered again.
void walk(const fs::path& directory, std::set<fs::path>& above, std::vector<std::string>& found) {
  std::error_code problem;
  auto real = fs::canonical(directory, problem);
  if (problem || above.size() >= kDeepest || !above.insert(real).second) return;
  for (fs::directory_iterator it(directory, problem), end; !problem && it != end; it.increment(problem)) {
    if (is_hidden(it->path()) || found.size() >= kMostFiles) continue;
    std::error_code unknown;
    if (fs::is_directory(it->path(), unknown))
      walk(it->path(), above, found);
    else if (is_manifest(it->path()))
      found.push_back(it->path().string());
  }
  above.erase(real);
}

}  // namespace

Outcome<std::vector<std::string>> find_manifests(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const auto& path : paths) {
    std::error_code problem;
    auto status = fs::status(path, problem);
    if (!fs::exists(status)) return failure(kInvalidInput, "cannot read " + path + ": " + problem.message());
    if (!fs::is_directory(status)) {
      files.push_back(path);
      continue;
    }
    std::vector<std::string> found;
    std::set<fs::path> above;
    walk(path, above, found);
    std::ranges::sort(found);
    files.insert(files.end(), found.begin(), found.end());
  }
  return files;
}

}  // namespace weft::cli
