// Accepts connections up to a bound and starts a session for each; the ones beyond are told so at once. Private to
// agent/api.
#pragma once

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "agent/api/http.hpp"
#include "agent/api/session.hpp"
#include "agent/base/fd.hpp"

namespace boost::asio {
class io_context;
}

namespace weft {

class Acceptor : public std::enable_shared_from_this<Acceptor> {
 public:
  using Identify = std::function<HttpPeer(int fd)>;

  Acceptor(boost::asio::io_context& loop, Fd listening, HttpLimits limits, HttpHandler handler, Identify identify);
  void start();
  void stop();  // closes the listener and every connection
  std::size_t connections();

 private:
  void accept();
  void on_ready();
  void welcome(Fd connection);
  void retry_later();
  void forget_closed();

  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  boost::asio::generic::stream_protocol::socket listener_;  // only waits for readiness; accept4 is ours
  HttpLimits limits_;
  HttpHandler handler_;
  Identify identify_;
  std::vector<std::weak_ptr<Connection>> sessions_;
  std::vector<std::weak_ptr<Connection>> refused_;
};

}  // namespace weft
