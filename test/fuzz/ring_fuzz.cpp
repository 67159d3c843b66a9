// Any bytes as a ring record: decoded or refused, joined, written as JSON that parses again, matched by a filter.
#include <nlohmann/json.hpp>

#include "agent/observe/filter.hpp"
#include "agent/observe/flow_joiner.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;

namespace {

FlowJoiner make_joiner() {
  FlowJoiner joiner(1'700'000'000'000'000'000, [](std::uint64_t id) {
    return id % 2 == 0 ? std::string() : "/system.slice/unit-" + std::to_string(id % 100) + ".service";
  });
  auto pod = std::make_shared<Pod>();
  pod->metadata = {"shop", "web-1", "", {}, false};
  pod->addresses = {IpAddress::parse("10.1.0.2").value()};
  pod->running = true;
  auto snapshot = std::make_shared<Snapshot>();
  snapshot->pods.put({"shop", "web-1"}, std::shared_ptr<const Pod>(pod));
  joiner.update(snapshot, std::make_shared<test::FakeNames>());
  return joiner;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FlowJoiner joiner = make_joiner();
  static const Filter filter =
      Filter::parse("src=shop/* or policy=shop/* or rule=in* or dst=10.0.0.0/8 and not web-*").value();
  auto event = decode_event(std::as_bytes(std::span(data, size)));
  if (!event) return 0;
  auto flow = joiner.join(*event);
  auto json = nlohmann::json::parse(flow_json(flow));
  WEFT_ASSERT(json["kind"] == flow_kind_name(flow.kind));
  WEFT_ASSERT(json.contains("policy") == (flow.policy != nullptr));
  WEFT_ASSERT(!flow.direction.empty() || flow.policy == nullptr);
  WEFT_ASSERT(!flow.reason.empty() || flow.kind == FlowKind::kOpen);
  static_cast<void>(filter.matches(flow));
  return 0;
}
