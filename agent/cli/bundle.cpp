#include "agent/cli/bundle.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/cli/flow_value.hpp"
#include "agent/cli/json_value.hpp"
#include "agent/cli/tar.hpp"
#include "agent/cli/text.hpp"
#include "agent/observe/filter.hpp"

namespace weft::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kLargestFile = 256 << 20;

class Bundle final : public Source {
 public:
  Bundle(std::string path, std::map<std::string, std::string> files)
      : path_(std::move(path)), files_(std::move(files)) {}

  Outcome<json> get(const std::string& what, const std::string& space) override {
    auto text = WEFT_TRY(part("api/" + what + ".json"));
    auto document = WEFT_TRY(parse_json(text, what + " in " + path_));
    if (space.empty() || !document.contains("items")) return document;
    auto kept = json::array();
    for (auto& item : document["items"])
      if (text_at(item, "namespace") == space) kept.push_back(std::move(item));
    document["items"] = std::move(kept);
    return document;
  }

  Outcome<std::string> metrics() override { return part("metrics.txt"); }

  Outcome<> flows(const FlowQuery& query, const LineHandler& on_line) override {
    if (query.follow) return failure(kUsage, "a bug report holds no live flows", "Leave -f out.");
    auto filter = Filter::parse(query.filter);
    if (!filter) return failure(kUsage, "the filter is not valid: " + filter.error().what);
    auto kept = WEFT_TRY(matching_lines(*filter));
    auto count = query.last == 0 ? kept.size() : std::min<std::size_t>(query.last, kept.size());
    for (std::size_t i = kept.size() - count; i < kept.size(); ++i)
      if (!on_line(kept[i])) return {};
    on_line(json{{"kind", "summary"}, {"flows", count}, {"lost", lost_}}.dump());
    return {};
  }

 private:
  Outcome<std::string> part(const std::string& name) const {
    auto it = files_.find(name);
    if (it == files_.end())
      return failure(kInvalidInput, path_ + " holds no " + name, "The report was made without a running agent.");
    return it->second;
  }

  Outcome<std::vector<std::string>> matching_lines(const Filter& filter) {
    std::vector<std::string> kept;
    for (auto& line : split_lines(WEFT_TRY(part("api/flows.jsonl")))) {
      auto flow = WEFT_TRY(parse_json(line, "a flow in " + path_));
      auto kind = text_at(flow, "kind");
      if (kind == "lost" || kind == "summary")
        lost_ += static_cast<std::uint64_t>(number_at(flow, kind == "lost" ? "count" : "lost"));
      else if (filter.matches(flow_value(flow)))
        kept.push_back(std::move(line));
    }
    return kept;
  }

  std::string path_;
  std::map<std::string, std::string> files_;
  std::uint64_t lost_ = 0;
};

}  // namespace

const std::vector<std::string>& bundled_documents() {
  static const std::vector<std::string> names = {"status",    "checks",      "services", "endpoints",
                                                 "workloads", "identities",  "policies", "routes",
                                                 "certs",     "connections", "edges",    "config"};
  return names;
}

Outcome<std::string> load_file(const std::string& path) {
  auto problem = [&](ExitCode code, int error) {
    return failure(code, "cannot read " + path + ": " + std::strerror(error));
  };
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return problem(errno == EACCES ? kNoPermission : kInvalidInput, errno);
  struct stat status{};
  if (::fstat(fd.get(), &status) != 0) return problem(kInvalidInput, errno);
  if (!S_ISREG(status.st_mode)) return failure(kInvalidInput, path + " is not a regular file");
  std::string text;
  std::vector<char> buffer(65536);
  while (true) {
    auto count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return problem(kInvalidInput, errno);
    if (count == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (text.size() > kLargestFile) return failure(kInvalidInput, path + " is larger than 256 MiB");
  }
}

Outcome<std::unique_ptr<Source>> open_bundle(const std::string& path) {
  auto bytes = WEFT_TRY(load_file(path));
  auto archive = read_archive(bytes);
  if (!archive)
    return failure(kInvalidInput, path + " " + archive.error().what, "Name a file that weft bugreport wrote.");
  std::map<std::string, std::string> files;
  for (auto& file : *archive)
    if (file.name.starts_with(kBundleRoot)) files[file.name.substr(kBundleRoot.size())] = std::move(file.content);
  if (!files.contains("bundle.json"))
    return failure(kInvalidInput, path + " is not a bug report of weft", "Name a file that weft bugreport wrote.");
  return std::make_unique<Bundle>(path, std::move(files));
}

}  // namespace weft::cli
