#include "agent/api/metrics_server.hpp"

#include <pthread.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <thread>

#include "agent/api/acceptor.hpp"
#include "agent/api/bodies.hpp"
#include "agent/api/listen.hpp"
#include "agent/api/router.hpp"

namespace weft {

struct MetricsServer::Parts {
  Settings settings;
  std::uint16_t port = 0;
  // Held for a copy of one pointer. std::atomic<std::shared_ptr> of libstdc++ 12 unlocks its load without a release
  // barrier, which ThreadSanitizer reports.
  mutable std::mutex mutex;
  std::shared_ptr<const PublicView> view;
  boost::asio::io_context loop{1};
  std::shared_ptr<Acceptor> acceptor;
  std::jthread thread;

  std::shared_ptr<const PublicView> now() const {
    std::lock_guard lock(mutex);
    return view;
  }
  HttpResponse answer(const HttpRequest& request) const;
  HttpResponse livez(const PublicView& current) const;
};

HttpResponse MetricsServer::Parts::livez(const PublicView& current) const {
  HttpResponse response;
  bool stale = std::chrono::steady_clock::now() - current.published > settings.stale_after;
  response.status = stale ? 503 : 200;
  response.content_type = "text/plain";
  response.text = stale ? "the agent's loop hangs\n" : "ok\n";
  return response;
}

HttpResponse MetricsServer::Parts::answer(const HttpRequest& request) const {
  auto target = parse_target(request.target);
  if (!target) return error_response(400, "the path is not absolute or holds a malformed %-escape");
  bool known = target->path == "/metrics" || target->path == "/livez" || target->path == "/readyz";
  if (!known) return error_response(404, "only /metrics, /livez and /readyz are served here");
  if (request.method != "GET" && request.method != "HEAD") {
    auto response = error_response(405, request.method + ": allowed here: GET, HEAD");
    response.allow = "GET, HEAD";
    return response;
  }
  auto current = now();
  if (!current) return readiness_response({false, "starting"});
  if (target->path == "/livez") return livez(*current);
  if (target->path == "/readyz") return readiness_response(current->readiness);
  return metrics_response(current->metrics);
}

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(Settings settings) {
  auto socket = WEFT_TRY_AS("metrics.listen", listen_tcp(settings.listen));
  auto parts = std::make_unique<Parts>();
  parts->settings = std::move(settings);
  parts->port = local_port(socket.get());
  auto handler = [owner = parts.get()](const HttpRequest& request, HttpReply reply) { reply(owner->answer(request)); };
  parts->acceptor = std::make_shared<Acceptor>(parts->loop, std::move(socket), parts->settings.limits, handler,
                                               [](int) { return HttpPeer(); });
  parts->acceptor->start();
  parts->thread = std::jthread([loop = &parts->loop] {
    ::pthread_setname_np(::pthread_self(), "weft-metrics");
    loop->run();
  });
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(parts)));
}

MetricsServer::MetricsServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

MetricsServer::~MetricsServer() {
  boost::asio::post(parts_->loop, [acceptor = parts_->acceptor] { acceptor->stop(); });
  parts_->thread.join();
}

// The view that is replaced is destroyed outside of the lock.
void MetricsServer::publish(std::shared_ptr<const PublicView> view) {
  std::lock_guard lock(parts_->mutex);
  parts_->view.swap(view);
}

std::uint16_t MetricsServer::port() const { return parts_->port; }

}  // namespace weft
