// One HTTP/1.1 connection: reads a request within bounds of size and time, hands it to the handler, writes the answer
// at the reader's pace, and goes on with the next. It lives as long as it has something to do.
#pragma once

#include <memory>

#include "agent/api/http.hpp"
#include "agent/base/fd.hpp"

namespace boost::asio {
class io_context;
}

namespace weft {

class Connection {
 public:
  virtual ~Connection() = default;
  virtual void start() = 0;
  virtual void refuse(HttpResponse response) = 0;  // instead of start(): answers and reads no request
  virtual void close() = 0;
};

// `socket` is a connected stream, non-blocking; peer: who is at its other end.
std::shared_ptr<Connection> make_session(boost::asio::io_context& loop, Fd socket, const HttpLimits& limits,
                                         HttpHandler handler, HttpPeer peer);

}  // namespace weft
