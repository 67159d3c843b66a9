// /metrics, /livez and /readyz on TCP, from a thread of its own that reads what the loop published last: a scrape of
// any size takes nothing from the loop, and a loop that hangs is seen.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "agent/api/http.hpp"
#include "agent/api/views.hpp"
#include "agent/base/result.hpp"
#include "agent/observe/metrics_page.hpp"

namespace weft {

struct PublicView {
  Readiness readiness;
  std::shared_ptr<const MetricsPage> metrics;
  std::chrono::steady_clock::time_point published{};
};

class MetricsServer {
 public:
  struct Settings {
    std::string listen = "127.0.0.1:9690";  // port 0: any free one
    HttpLimits limits;
    std::chrono::milliseconds stale_after{30'000};  // /livez fails when nothing was published for so long
  };

  static Result<std::unique_ptr<MetricsServer>> start(Settings settings);
  ~MetricsServer();

  void publish(std::shared_ptr<const PublicView> view);  // from any thread
  std::uint16_t port() const;

 private:
  struct Parts;
  explicit MetricsServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weft
