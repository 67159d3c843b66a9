// The recent flows, and readers that follow new ones. Memory is bounded: old flows leave, and a reader that is slower
// than the flows loses some and is told how many, at the place where they are missing. One thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <variant>
#include <vector>

#include "agent/observe/filter.hpp"
#include "agent/observe/flow.hpp"

namespace weft {

using SharedFlow = std::shared_ptr<const Flow>;

// Flows that this reader did not get.
struct LostFlows {
  std::uint64_t count = 0;
};

class FlowReader {
 public:
  static constexpr std::size_t kMaxQueued = 1024;  // flows waiting for one reader, about 400 KiB

  // on_ready is called, from inside FlowLog::push, when an empty queue gets its first item. Flows of before since_ns
  // (nanoseconds since 1970) are not offered.
  FlowReader(Filter filter, std::size_t max_queued, std::int64_t since_ns, std::function<void()> on_ready)
      : filter_(std::move(filter)), max_queued_(max_queued), since_ns_(since_ns), on_ready_(std::move(on_ready)) {}

  bool empty() const { return queue_.empty(); }
  std::variant<SharedFlow, LostFlows> pop();  // not when empty
  std::uint64_t lost_total() const { return lost_total_; }

 private:
  friend class FlowLog;
  void offer(const SharedFlow& flow);
  void lose(std::uint64_t count);
  void add(std::variant<SharedFlow, LostFlows> item);

  Filter filter_;
  std::size_t max_queued_;
  std::int64_t since_ns_;
  std::function<void()> on_ready_;
  std::deque<std::variant<SharedFlow, LostFlows>> queue_;
  std::uint64_t lost_total_ = 0;
};

class FlowLog {
 public:
  static constexpr std::size_t kCapacity = 8192;  // about 4 MiB when full
  static constexpr std::int64_t kAnyTime = std::numeric_limits<std::int64_t>::min();

  explicit FlowLog(std::size_t capacity = kCapacity) : capacity_(capacity) {}

  void push(Flow flow);
  // Events that the kernel had no room for: every reader is told.
  void note_lost(std::uint64_t count);

  // Oldest first.
  std::vector<SharedFlow> recent() const { return {flows_.begin(), flows_.end()}; }
  // Follows what is pushed from now on, for as long as the caller keeps the reader. What is pushed now may have
  // happened before, in the kernel's ring: since_ns leaves it out.
  std::shared_ptr<FlowReader> follow(Filter filter, std::function<void()> on_ready, std::int64_t since_ns = kAnyTime,
                                     std::size_t max_queued = FlowReader::kMaxQueued);

  std::uint64_t total() const { return total_; }
  std::uint64_t lost_total() const { return lost_total_; }
  std::size_t readers() const;

 private:
  template <class F>
  void for_each_reader(F&& visit);

  std::size_t capacity_;
  std::deque<SharedFlow> flows_;
  std::vector<std::weak_ptr<FlowReader>> readers_;
  std::uint64_t total_ = 0;
  std::uint64_t lost_total_ = 0;
};

}  // namespace weft
