#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "agent/config/load.hpp"

using namespace weft;

namespace {

// A directory of this test alone, removed at its end.
struct Scratch {
  Scratch() {
    char name[] = "/tmp/weft-config-XXXXXX";
    path = ::mkdtemp(name);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(path + "/" + name).parent_path());
    std::ofstream(path + "/" + name) << text;
  }
  std::string path;
};

}  // namespace

TEST_CASE("the default file comes first, then the others by name; other endings and hidden files do not count") {
  Scratch scratch;
  scratch.write("weft.yaml", "log: {level: info}\nmetrics: {maxSeries: 100}\n");
  scratch.write("weft.yaml.d/20-b.yaml", "log: {level: error}\n");
  scratch.write("weft.yaml.d/10-a.yaml", "log: {level: debug}\n");
  scratch.write("weft.yaml.d/.hidden.yaml", "nonsense");
  scratch.write("weft.yaml.d/10-a.yaml.bak", "nonsense");
  auto loaded = load_config({{}, {}, scratch.path});
  CHECK(loaded.usable());
  CHECK(loaded.config.log.level == "error");
  CHECK(loaded.config.metrics.max_series == 100);
  CHECK(loaded.files == std::vector<std::string>{scratch.path + "/weft.yaml", scratch.path + "/weft.yaml.d/10-a.yaml",
                                                 scratch.path + "/weft.yaml.d/20-b.yaml"});
}

TEST_CASE("missing default files are fine, a missing named file is an error") {
  Scratch scratch;
  CHECK(load_config({{}, {}, scratch.path}).findings.empty());
  auto loaded = load_config({{scratch.path + "/none.yaml"}, {}, scratch.path});
  REQUIRE(loaded.findings.size() == 1);
  CHECK(loaded.findings[0].code == FindingCode::kConfigUnreadable);
  CHECK(loaded.findings[0].origin == scratch.path + "/none.yaml");
}

TEST_CASE("named files replace the default ones") {
  Scratch scratch;
  scratch.write("weft.yaml", "log: {level: debug}\n");
  scratch.write("mine.yaml", "log: {format: json}\n");
  auto loaded = load_config({{scratch.path + "/mine.yaml"}, {}, scratch.path});
  CHECK(loaded.config.log.level == "info");
  CHECK(loaded.config.log.format == "json");
}

TEST_CASE("directories, FIFOs and files beyond 1 MiB are refused without waiting") {
  Scratch scratch;
  REQUIRE(::mkfifo((scratch.path + "/fifo").c_str(), 0600) == 0);
  scratch.write("large.yaml", std::string((1 << 20) + 1, '#'));
  for (const auto* name : {"/fifo", "/large.yaml", ""}) {
    auto loaded = load_config({{scratch.path + name}, {}, scratch.path});
    INFO(name);
    REQUIRE(loaded.findings.size() == 1);
    CHECK(loaded.findings[0].code == FindingCode::kConfigUnreadable);
  }
}

TEST_CASE("the environment of the process is read") {
  Scratch scratch;
  ::setenv("WEFT_API__SOCKET", "/run/from-environment.sock", 1);
  auto loaded = load_config({{}, {}, scratch.path});
  ::unsetenv("WEFT_API__SOCKET");
  CHECK(loaded.config.api.socket == "/run/from-environment.sock");
  CHECK(loaded.origins.at("/api/socket") == "env WEFT_API__SOCKET");
}
