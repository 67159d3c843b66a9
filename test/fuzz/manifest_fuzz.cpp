// Any bytes as a manifest: no crash, no hang, and what is decoded folds and compiles. The first byte chooses between
// YAML and JSON.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agent/compile/policy_compiler.hpp"
#include "agent/model/analyze.hpp"
#include "agent/model/fold.hpp"
#include "agent/model/manifest.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  bool json = data[0] == '{' || data[0] == '[';
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string path = json ? "fuzz.json" : "fuzz.yaml";
  auto decoded = weft::decode_manifest(path, text);
  for (const auto& said : decoded.diagnostics)
    for (char c : said.reason)
      if (static_cast<unsigned char>(c) < 0x20) std::abort();  // control characters never reach a terminal
  weft::Fold fold;
  std::vector<weft::ObjectKey> claimed;
  fold.apply(weft::manifest_events({"files", path, {}}, std::move(decoded), claimed));
  weft::analyze(*fold.snapshot());
  weft::PolicyCompiler policies{weft::PolicyNumbers{}};
  policies.compile(*fold.snapshot(), {"n1", "", "", {}});
  fold.apply(weft::manifest_gone_events({"files", path, {}}, claimed));
  if (!policies.compile(*fold.snapshot(), {"n1", "", "", {}})->subjects.empty()) std::abort();
  if (fold.snapshot()->services.size() != 0 || fold.snapshot()->diagnostics.size() != 0) std::abort();
  return 0;
}
