// Cases whose verdicts another implementation gave (test/data/netpol-cases.md): every pair, port and protocol of every
// step, through decoder, model, compiler and the reduction that the kernel uses; also which side denies.
#include <fstream>

#include "test/compile/netpol_cases.hpp"

namespace weft::test {
namespace {

std::string denied_by(const PolicyVerdict& verdict) {
  auto denies = [](const auto& side) { return side && side->decision.verdict == WEFT_VERDICT_DENY; };
  std::string out = denies(verdict.ingress) ? "ingress" : "";
  if (denies(verdict.egress)) out += out.empty() ? "egress" : "+egress";
  return out;
}

struct Count {
  std::size_t verdicts = 0, wrong = 0;
};

void judge(const PolicyWorld& world, const json& step, const std::string& id, Count& count) {
  PolicyLookup lookup(world.tables);
  auto check = [&](const std::string& line, const std::string& want) {
    auto pair = parse_pair(step, line);
    auto got = denied_by(lookup.decide({pair.client, pair.server, pair.port, pair.protocol}));
    ++count.verdicts;
    if (got == want) return;
    ++count.wrong;
    UNSCOPED_INFO(id << ": " << line << " is denied by '" << got << "', should be by '" << want << "'");
  };
  for (const auto& line : step["allowed"]) check(line.get<std::string>(), "");
  for (const auto& line : step["denied"]) check(line.get<std::string>(), step["denied_by"][line.get<std::string>()]);
}

}  // namespace

TEST_CASE("all verdicts of the network policy cases are right") {
  std::ifstream file(WEFT_SOURCE_DIR "/test/data/netpol-cases.jsonl");
  Count count;
  std::size_t cases = 0;
  for (std::string line; std::getline(file, line); ++cases) {
    auto document = json::parse(line);
    auto id = document["id"].get<std::string>();
    PolicyWorld world;
    Step state;
    for (const auto& step : document["steps"]) {
      state.load(world, step);
      world.compile();
      judge(world, step, id, count);
    }
  }
  WARN(count.verdicts << " verdicts of " << cases << " cases");
  CHECK(count.wrong == 0);
  CHECK(cases >= 43);
  CHECK(count.verdicts >= 10000);
}

}  // namespace weft::test
