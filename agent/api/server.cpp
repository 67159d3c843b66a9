#include "agent/api/server.hpp"

#include <unistd.h>

#include <boost/asio/io_context.hpp>

#include "agent/api/acceptor.hpp"
#include "agent/api/listen.hpp"
#include "agent/api/router.hpp"

namespace weft {

struct ApiServer::Parts {
  Settings settings;
  Router router;
  UnixListener socket;  // its descriptor belongs to the acceptor
  std::shared_ptr<Acceptor> acceptor;
};

namespace {

// Reading is what the mode of the socket file allows; changing is for root and for ourselves.
HttpPeer identify(int fd) {
  auto peer = unix_peer(fd);
  if (!peer) return {};
  return {peer->uid == 0 || peer->uid == ::geteuid(), peer->uid, peer->pid};
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::start(boost::asio::io_context& loop, Backend& backend,
                                                    Settings settings) {
  auto socket = WEFT_TRY(listen_unix(settings.socket, settings.group));
  Fd fd = std::move(socket.fd);
  auto parts = std::make_unique<Parts>(Parts{std::move(settings), Router(backend), std::move(socket), nullptr});
  auto handler = [router = &parts->router](HttpRequest request, HttpReply reply) {
    router->handle(std::move(request), std::move(reply));
  };
  parts->acceptor = std::make_shared<Acceptor>(loop, std::move(fd), parts->settings.limits, handler, identify);
  parts->acceptor->start();
  return std::unique_ptr<ApiServer>(new ApiServer(std::move(parts)));
}

ApiServer::ApiServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

ApiServer::~ApiServer() {
  parts_->acceptor->stop();
  remove_socket(parts_->settings.socket, parts_->socket);
}

const std::vector<std::string>& ApiServer::warnings() const { return parts_->socket.warnings; }
std::size_t ApiServer::connections() const { return parts_->acceptor->connections(); }

}  // namespace weft
