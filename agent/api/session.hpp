// One HTTP/1.1 connection: reads a request within bounds of size and time, hands it to the handler, writes the answer at
// the reader's pace, and goes on with the next. Private to agent/api: it brings Asio and Beast along.
#pragma once

#include <array>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>

#include "agent/api/http.hpp"

namespace weft {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Session(Socket socket, const HttpLimits& limits, HttpHandler handler, bool may_change);
  void start();
  void refuse(HttpResponse response);  // instead of start(): answers and reads no request
  void close();

 private:
  using Error = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  void read_request();
  void on_header(Error error);
  void send_continue();
  void read_body();
  void on_request(Error error);
  void on_read_failed(Error error);
  void dispatch();
  void respond(HttpResponse response);
  void write_head();
  void pump();
  void write_chunk(bool last);
  void on_written(Error error);
  void finish();
  void linger();
  void discard();
  void watch_reader();
  void arm(std::uint32_t timeout_ms);

  Socket socket_;
  const HttpLimits limits_;
  HttpHandler handler_;
  const bool may_change_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  HttpResponse response_;
  std::string head_;   // of the answer, or the frame of a chunk
  std::string chunk_;
  std::array<char, 512> discarded_;
  bool timed_out_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  bool head_only_ = false;
  bool waiting_ = false;  // for the body to have something
  bool closed_ = false;
};

}  // namespace weft
