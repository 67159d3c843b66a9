#include "agent/api/bodies.hpp"

#include <algorithm>

#include "agent/api/render.hpp"

namespace weft {
namespace {

class MetricsBody final : public HttpBody {
 public:
  explicit MetricsBody(std::shared_ptr<const MetricsPage> page) : cursor_(std::move(page)) {}
  Next next(std::string& chunk) override { return cursor_.next(chunk) ? Next::kData : Next::kEnd; }

 private:
  MetricsCursor cursor_;
};

class FlowBody final : public HttpBody {
 public:
  FlowBody(FlowLog& log, FlowQuery query) : query_(std::move(query)), past_(log.recent()), lost_(log.lost_total()) {
    if (query_.follow)
      reader_ = log.follow(
          query_.filter,
          [this] {
            if (wake_) wake_();
          },
          query_.since_ns);
  }

  Next next(std::string& chunk) override {
    if (select_recent()) return Next::kData;
    if (!recent_.empty()) return write_recent(chunk);
    if (reader_) return write_live(chunk);
    if (std::exchange(ended_, true)) return Next::kEnd;
    append(chunk, summary_json(sent_, lost_));
    return Next::kData;
  }

  void set_wake(std::function<void()> wake) override { wake_ = std::move(wake); }
  bool endless() const override { return query_.follow; }

 private:
  // From the newest backwards; true while there is more to look at.
  bool select_recent() {
    for (std::size_t i = 0; i < kSliceItems && !past_.empty() && recent_.size() < query_.last; ++i) {
      if (query_.filter.matches(*past_.back())) recent_.push_back(std::move(past_.back()));
      past_.pop_back();
    }
    if (recent_.size() >= query_.last) past_.clear();
    return !past_.empty();
  }

  Next write_recent(std::string& chunk) {
    for (; !recent_.empty() && chunk.size() < kSliceBytes; recent_.pop_back()) append_flow(chunk, *recent_.back());
    return Next::kData;
  }

  Next write_live(std::string& chunk) {
    while (!reader_->empty() && chunk.size() < kSliceBytes) {
      auto item = reader_->pop();
      if (const auto* lost = std::get_if<LostFlows>(&item))
        append(chunk, lost_json(lost->count));
      else
        append_flow(chunk, *std::get<SharedFlow>(item));
    }
    return chunk.empty() ? Next::kWait : Next::kData;
  }

  void append_flow(std::string& chunk, const Flow& flow) {
    ++sent_;
    line_.clear();
    append_flow_json(line_, flow);
    append(chunk, line_);
  }

  void append(std::string& chunk, std::string_view json) const {
    if (query_.event_stream) chunk += "data: ";
    chunk += json;
    chunk += query_.event_stream ? "\n\n" : "\n";
  }

  FlowQuery query_;
  std::vector<SharedFlow> past_;    // not looked at yet, oldest first
  std::vector<SharedFlow> recent_;  // to be sent, newest first
  std::shared_ptr<FlowReader> reader_;
  std::function<void()> wake_;
  std::string line_;
  std::uint64_t sent_ = 0;
  std::uint64_t lost_;
  bool ended_ = false;
};

}  // namespace

std::string list_head(std::string_view kind) {
  return "{\"apiVersion\":\"weft/v1\",\"kind\":\"" + std::string(kind) + "\",\"items\":[";
}

std::string_view list_tail() { return "]}\n"; }

HttpResponse metrics_response(std::shared_ptr<const MetricsPage> page) {
  if (!page) return error_response(503, "the counters have not been read yet");
  HttpResponse response;
  response.content_type = "text/plain; version=0.0.4; charset=utf-8";
  response.body = std::make_unique<MetricsBody>(std::move(page));
  return response;
}

HttpResponse flows_response(FlowLog& log, FlowQuery query) {
  HttpResponse response;
  response.content_type = query.event_stream ? "text/event-stream" : "application/x-ndjson";
  response.body = std::make_unique<FlowBody>(log, std::move(query));
  return response;
}

}  // namespace weft
