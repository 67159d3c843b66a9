// Bodies that are made while they are sent: lists, the metrics page, recent and live flows. Each step does a bounded
// amount of work, so that an answer of any size leaves the loop free in between.
#pragma once

#include <string_view>

#include "agent/api/backend.hpp"
#include "agent/api/http.hpp"
#include "agent/observe/json_writer.hpp"
#include "agent/observe/metrics_page.hpp"

namespace weft {

inline constexpr std::size_t kSliceBytes = 64 * 1024;
inline constexpr std::size_t kSliceItems = 256;

std::string list_head(std::string_view kind);  // {"apiVersion":"weft/v1","kind":"ServiceList","items":[
std::string_view list_tail();

// One JSON document of a list; `Append` writes one item.
template <class View, class Append>
class ListBody final : public HttpBody {
 public:
  ListBody(std::string_view kind, Source<View> source, Append append)
      : head_(list_head(kind)), source_(std::move(source)), append_(std::move(append)) {}

  Next next(std::string& chunk) override {
    if (ended_) return Next::kEnd;
    chunk += std::exchange(head_, {});
    for (std::size_t i = 0; i < kSliceItems && chunk.size() < kSliceBytes; ++i) {
      View view;
      if (!source_(view)) {
        ended_ = true;
        chunk += list_tail();
        break;
      }
      if (!std::exchange(first_, false)) chunk += ',';
      append_(chunk, view);
    }
    return Next::kData;
  }

 private:
  std::string head_;
  Source<View> source_;
  Append append_;
  bool first_ = true;
  bool ended_ = false;
};

template <class View, class Append>
HttpResponse list_response(std::string_view kind, Source<View> source, Append append) {
  HttpResponse response;
  response.body = std::make_unique<ListBody<View, Append>>(kind, std::move(source), std::move(append));
  return response;
}

HttpResponse metrics_response(std::shared_ptr<const MetricsPage> page);

struct FlowQuery {
  Filter filter;
  bool follow = false;
  bool event_stream = false;                  // server-sent events instead of lines
  std::size_t last = FlowLog::kCapacity;      // recent flows before the live ones
  std::int64_t since_ns = FlowLog::kAnyTime;  // live ones that happened before are left out
};
HttpResponse flows_response(FlowLog& log, FlowQuery query);

}  // namespace weft
