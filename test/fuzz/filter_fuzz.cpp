// Any text as a filter: refused with a position, or accepted and then usable on any flow, where its negation says the
// opposite.
#include "agent/observe/filter.hpp"
#include "agent/observe/flow_joiner.hpp"
#include "test/observe/fixture.hpp"

using namespace weft;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static FlowJoiner joiner(0, [](std::uint64_t) { return "/system.slice/shop.service"; });
  static const Flow flow = [] {
    joiner.update(std::make_shared<Snapshot>(), std::make_shared<test::FakeNames>());
    return joiner.join(test::closed_event());
  }();
  std::string text(reinterpret_cast<const char*>(data), size);
  auto filter = Filter::parse(text);
  if (!filter) {
    WEFT_ASSERT(filter.error().what.starts_with("filter: "));
    return 0;
  }
  auto opposite = Filter::parse("not (" + text + ")");
  bool matched = filter->matches(flow);
  if (opposite) WEFT_ASSERT(opposite->matches(flow) != matched);
  return 0;
}
