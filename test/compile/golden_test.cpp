// test/golden/<case>/in.yaml in, want.txt out. WEFT_GOLDEN_ACCEPT=1 rewrites what differs.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "agent/compile/policy_text.hpp"
#include "test/compile/mesh.hpp"
#include "test/compile/policy_world.hpp"

namespace weft::test {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::string compile_text(const std::string& yaml) {
  Mesh mesh(yaml);
  auto out = Renderer(mesh.compiled()).all();
  for (const auto& d : mesh.decode_diagnostics)
    out += fmt::format("refused {} {} {}: {}\n", d.code, d.object.text(), d.field, d.reason);
  return out;
}

std::string policy_tables_text(const std::string& yaml) {
  PolicyWorld world;
  world.facts.addresses = {ip("127.0.0.1"), ip("192.168.0.1"), ip("fd00::a")};
  world.put_yaml(yaml);
  auto out = policy_text(*world.compile());
  for (const auto& d : world.diagnostics)
    out += fmt::format("{} {} {}: {}\n", d.code, d.object.text(), d.field, d.reason);
  return out;
}

// Returns how many cases there are.
template <class Make>
std::size_t check_folder(const std::string& folder, Make&& make) {
  bool accept = std::getenv("WEFT_GOLDEN_ACCEPT") != nullptr;
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(WEFT_SOURCE_DIR) + folder)) {
    if (!std::filesystem::exists(entry.path() / "in.yaml")) continue;
    ++cases;
    INFO(entry.path());
    auto got = make(read(entry.path() / "in.yaml"));
    if (accept) std::ofstream(entry.path() / "want.txt") << got;
    CHECK(got == read(entry.path() / "want.txt"));
  }
  return cases;
}

}  // namespace

TEST_CASE("manifests compile to the tables that their golden files show") {
  CHECK(check_folder("/test/golden", compile_text) >= 12);
}

TEST_CASE("policies compile to the tables that their golden files show") {
  CHECK(check_folder("/test/golden/policy", policy_tables_text) >= 8);
}

}  // namespace weft::test
