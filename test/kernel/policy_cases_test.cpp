// Cases whose verdicts another implementation gave (test/data/netpol-cases.md), decided by the loaded programs over the
// maps that the agent's plans filled.
#include <fstream>

#include "agent/app/policy_controller.hpp"
#include "agent/kernel/environment.hpp"
#include "agent/kernel/object.hpp"
#include "test/compile/netpol_cases.hpp"
#include "test/kernel/fixture.hpp"

namespace weft::test {
namespace {

weft_address raw(const IpAddress& address) {
  weft_address out;
  std::memcpy(&out, address.bytes.data(), sizeof out);
  return out;
}

weft_explain_request side(const CasePair& pair, weft_direction direction) {
  weft_explain_request request{};
  request.pod = raw(direction == WEFT_EGRESS ? pair.client : pair.server);
  request.peer = raw(direction == WEFT_EGRESS ? pair.server : pair.client);
  request.port = htons(pair.port);
  request.protocol = pair.protocol;
  request.direction = static_cast<std::uint8_t>(direction);
  return request;
}

// Tables of policy in a real kernel, changed by plans as the agent does.
class KernelPolicy {
 public:
  KernelPolicy() {
    REQUIRE(open_pin_directory(pins_.path()));
    DatapathOptions options;
    options.bpffs = pins_.path();
    object_ = std::make_unique<BpfObject>(BpfObject::load(options, {}).value());
    tables_ = std::make_unique<KernelPolicyTables>(*object_);
    book_ = std::make_unique<PolicyBook>(tables_->sizes().value(), PolicyDump{});
  }
  void apply(const PolicyTables& desired) {
    PolicyPlan plan;
    REQUIRE(book_->plan(desired_policy(desired), plan));
    auto outcome = tables_->apply(plan);
    REQUIRE(outcome.code == 0);
    CHECK(book_->plan_repair(tables_->dump().value()).empty());
  }
  std::string denied_by(const CasePair& pair) {
    weft_explain_request requests[] = {side(pair, WEFT_INGRESS), side(pair, WEFT_EGRESS)};
    REQUIRE(tables_->explain(requests));
    std::string out = requests[0].verdict == WEFT_VERDICT_DENY ? "ingress" : "";
    if (requests[1].verdict == WEFT_VERDICT_DENY) out += out.empty() ? "egress" : "+egress";
    return out;
  }

 private:
  PinDirectory pins_;
  std::unique_ptr<BpfObject> object_;
  std::unique_ptr<KernelPolicyTables> tables_;
  std::unique_ptr<PolicyBook> book_;
};

}  // namespace

TEST_CASE("the loaded programs give every verdict of the network policy cases") {
  std::ifstream file(WEFT_SOURCE_DIR "/test/data/netpol-cases.jsonl");
  KernelPolicy kernel;
  std::size_t verdicts = 0, wrong = 0;
  for (std::string line; std::getline(file, line);) {
    auto document = json::parse(line);
    PolicyWorld world;
    Step state;
    for (const auto& step : document["steps"]) {
      state.load(world, step);
      world.compile();
      kernel.apply(*world.tables);
      auto check = [&](const std::string& pair, const std::string& want) {
        auto got = kernel.denied_by(parse_pair(step, pair));
        ++verdicts;
        wrong += got == want ? 0 : 1;
        if (got != want)
          UNSCOPED_INFO(document["id"] << ": " << pair << " is denied by '" << got << "', should be by '" << want
                                       << "'");
      };
      for (const auto& pair : step["allowed"]) check(pair.get<std::string>(), "");
      for (const auto& pair : step["denied"])
        check(pair.get<std::string>(), step["denied_by"][pair.get<std::string>()]);
    }
  }
  CHECK(wrong == 0);
  CHECK(verdicts >= 10000);
}

}  // namespace weft::test
