#include "agent/api/acceptor.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>

namespace weft {
namespace {

namespace asio = boost::asio;
constexpr auto kRetryAfter = std::chrono::milliseconds(100);  // when the process is out of descriptors
constexpr std::size_t kAcceptsPerTurn = 16;

}  // namespace

Acceptor::Acceptor(asio::io_context& loop, Fd listening, HttpLimits limits, HttpHandler handler, Identify identify)
    : loop_(loop),
      timer_(loop),
      listener_(loop, asio::generic::stream_protocol(AF_UNIX, 0), listening.release()),
      limits_(limits),
      handler_(std::move(handler)),
      identify_(std::move(identify)) {}

void Acceptor::start() { accept(); }

void Acceptor::stop() {
  boost::system::error_code ignored;
  timer_.cancel(ignored);
  listener_.close(ignored);
  for (auto* group : {&sessions_, &refused_})
    for (const auto& weak : *group)
      if (auto session = weak.lock()) session->close();
}

std::size_t Acceptor::connections() {
  forget_closed();
  return sessions_.size();
}

void Acceptor::accept() {
  if (!listener_.is_open()) return;
  listener_.async_wait(asio::socket_base::wait_read, [self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->on_ready();
  });
}

void Acceptor::on_ready() {
  for (std::size_t i = 0; i < kAcceptsPerTurn; ++i) {
    Fd connection(::accept4(listener_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection) {
      welcome(std::move(connection));
      continue;
    }
    bool exhausted = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
    if (exhausted) return retry_later();
    break;
  }
  accept();
}

void Acceptor::retry_later() {
  timer_.expires_after(kRetryAfter);
  timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
    if (!error) self->accept();
  });
}

void Acceptor::forget_closed() {
  for (auto* group : {&sessions_, &refused_}) std::erase_if(*group, [](const auto& weak) { return weak.expired(); });
}

// Beyond the bound a connection is answered without a look at its request; beyond twice the bound it is closed.
void Acceptor::welcome(Fd connection) {
  forget_closed();
  bool over = sessions_.size() >= limits_.max_connections;
  if (over && refused_.size() >= limits_.max_connections) return;
  auto peer = identify_(connection.get());
  auto session = make_session(loop_, std::move(connection), limits_, handler_, peer);
  (over ? refused_ : sessions_).push_back(session);
  if (over)
    session->refuse(error_response(503, "too many connections; try again"));
  else
    session->start();
}

}  // namespace weft
