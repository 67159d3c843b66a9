#include "agent/observe/flow_log.hpp"

#include <algorithm>

namespace weft {

std::variant<SharedFlow, LostFlows> FlowReader::pop() {
  WEFT_ASSERT(!queue_.empty());
  auto item = std::move(queue_.front());
  queue_.pop_front();
  return item;
}

void FlowReader::offer(const SharedFlow& flow) {
  if (flow->time_ns < since_ns_ || !filter_.matches(*flow)) return;
  if (queue_.size() >= max_queued_)
    lose(1);
  else
    add(flow);
}

// The marker may stand one above the bound; consecutive losses share it.
void FlowReader::lose(std::uint64_t count) {
  lost_total_ += count;
  if (!queue_.empty())
    if (auto* marker = std::get_if<LostFlows>(&queue_.back())) {
      marker->count += count;
      return;
    }
  add(LostFlows{count});
}

void FlowReader::add(std::variant<SharedFlow, LostFlows> item) {
  bool first = queue_.empty();
  queue_.push_back(std::move(item));
  if (first && on_ready_) on_ready_();
}

// Readers that went away are forgotten on the way.
template <class F>
void FlowLog::for_each_reader(F&& visit) {
  std::erase_if(readers_, [&](const std::weak_ptr<FlowReader>& weak) {
    auto reader = weak.lock();
    if (reader) visit(*reader);
    return !reader;
  });
}

void FlowLog::push(Flow flow) {
  ++total_;
  auto shared = std::make_shared<const Flow>(std::move(flow));
  if (flows_.size() >= capacity_) flows_.pop_front();
  flows_.push_back(shared);
  for_each_reader([&](FlowReader& reader) { reader.offer(shared); });
}

void FlowLog::note_lost(std::uint64_t count) {
  if (count == 0) return;
  lost_total_ += count;
  for_each_reader([&](FlowReader& reader) { reader.lose(count); });
}

std::shared_ptr<FlowReader> FlowLog::follow(Filter filter, std::function<void()> on_ready, std::int64_t since_ns,
                                            std::size_t max_queued) {
  auto reader = std::make_shared<FlowReader>(std::move(filter), max_queued, since_ns, std::move(on_ready));
  readers_.push_back(reader);
  return reader;
}

std::size_t FlowLog::readers() const {
  return static_cast<std::size_t>(
      std::count_if(readers_.begin(), readers_.end(), [](const auto& reader) { return !reader.expired(); }));
}

}  // namespace weft
