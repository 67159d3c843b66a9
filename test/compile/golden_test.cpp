// test/golden/<case>/in.yaml in, want.txt out. WEFT_GOLDEN_ACCEPT=1 rewrites what differs.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "test/compile/mesh.hpp"

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
  for (const auto& d : mesh.decode_diagnostics) out += fmt::format("refused {} {} {}: {}\n", d.code, d.object.text(), d.field, d.reason);
  return out;
}

}  // namespace

TEST_CASE("manifests compile to the tables that their golden files show") {
  bool accept = std::getenv("WEFT_GOLDEN_ACCEPT") != nullptr;
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(WEFT_SOURCE_DIR "/test/golden")) {
    if (!std::filesystem::exists(entry.path() / "in.yaml")) continue;
    ++cases;
    INFO(entry.path());
    auto got = compile_text(read(entry.path() / "in.yaml"));
    if (accept) std::ofstream(entry.path() / "want.txt") << got;
    CHECK(got == read(entry.path() / "want.txt"));
  }
  CHECK(cases >= 12);
}

}  // namespace weft::test
