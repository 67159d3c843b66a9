#include "agent/api/session.hpp"

#include <fmt/format.h>

#include <sys/socket.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <optional>

namespace weft {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr std::size_t kReadBufferBytes = 64 * 1024;

// What a request that cannot be read is answered with; 0: nothing, the peer is gone.
unsigned status_of(const boost::system::error_code& error) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  if (error == http::error::body_limit) return 413;
  if (error == http::error::end_of_stream) return 0;
  return error.category() == make_error_code(http::error::bad_target).category() ? 400 : 0;
}

bool lists_event_stream(std::string_view accept) { return accept.find("text/event-stream") != std::string_view::npos; }

class Session final : public Connection, public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::generic::stream_protocol::socket;

  Session(Socket socket, const HttpLimits& limits, HttpHandler handler, HttpPeer peer);
  void start() override;
  void refuse(HttpResponse response) override;
  void close() override;

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
  void arm_write();

  Socket socket_;
  const HttpLimits limits_;
  HttpHandler handler_;
  const HttpPeer peer_;
  boost::asio::steady_timer timer_;
  boost::beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  HttpResponse response_;
  std::string head_;  // of the answer, or the frame of a chunk
  std::string chunk_;
  std::array<char, 512> discarded_;
  bool timed_out_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  bool head_only_ = false;
  bool waiting_ = false;  // for the body to have something
  bool closed_ = false;
};

Session::Session(Socket socket, const HttpLimits& limits, HttpHandler handler, HttpPeer peer)
    : socket_(std::move(socket)),
      limits_(limits),
      handler_(std::move(handler)),
      peer_(peer),
      timer_(socket_.get_executor()),
      buffer_(kReadBufferBytes) {}

void Session::start() { read_request(); }

void Session::refuse(HttpResponse response) {
  keep_alive_ = false;
  respond(std::move(response));
}

void Session::close() {
  if (std::exchange(closed_, true)) return;
  boost::system::error_code ignored;
  timer_.cancel(ignored);
  socket_.close(ignored);
  response_.body.reset();
}

// Ends whatever the connection is doing when it takes too long. One timer: a connection does one thing at a time.
void Session::arm(std::uint32_t timeout_ms) {
  timed_out_ = false;
  timer_.expires_after(std::chrono::milliseconds(timeout_ms));
  timer_.async_wait([self = shared_from_this()](Error error) {
    if (error || self->closed_ || self->timer_.expiry() > asio::steady_timer::clock_type::now()) return;
    self->timed_out_ = true;
    boost::system::error_code ignored;
    self->socket_.cancel(ignored);
  });
}

void Session::arm_write() {
  bool followed = response_.body && response_.body->endless();
  arm(followed ? limits_.follow_timeout_ms : limits_.write_timeout_ms);
}

void Session::read_request() {
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
  parser_->body_limit(limits_.body_bytes);
  arm(limits_.request_timeout_ms);
  http::async_read_header(socket_, buffer_, *parser_,
                          [self = shared_from_this()](Error error, std::size_t) { self->on_header(error); });
}

void Session::on_header(Error error) {
  if (error) return on_read_failed(error);
  if (closed_) return;
  if (parser_->is_done()) return on_request({});
  auto expect = parser_->get()[http::field::expect];
  if (boost::beast::iequals(expect, "100-continue")) return send_continue();
  read_body();
}

void Session::send_continue() {
  head_ = "HTTP/1.1 100 Continue\r\n\r\n";
  asio::async_write(socket_, asio::buffer(head_), [self = shared_from_this()](Error error, std::size_t) {
    error || self->closed_ ? self->close() : self->read_body();
  });
}

void Session::read_body() {
  http::async_read(socket_, buffer_, *parser_,
                   [self = shared_from_this()](Error error, std::size_t) { self->on_request(error); });
}

void Session::on_read_failed(Error error) {
  if (closed_) return;
  keep_alive_ = false;
  if (timed_out_) {
    if (!parser_->got_some()) return close();
    return respond(error_response(408, "the request did not arrive in time"));
  }
  auto status = status_of(error);
  if (status == 0) return close();
  respond(error_response(status,
                         status == 400 ? "malformed request: " + error.message() : std::string(status_text(status))));
}

void Session::on_request(Error error) {
  if (error) return on_read_failed(error);
  if (!closed_) dispatch();
}

void Session::dispatch() {
  boost::system::error_code ignored;
  timer_.cancel(ignored);
  auto& message = parser_->get();
  keep_alive_ = parser_->keep_alive();
  chunked_ = message.version() >= 11;
  head_only_ = message.method() == http::verb::head;
  HttpRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.body = std::move(message.body());
  request.wants_event_stream = lists_event_stream(std::string(message[http::field::accept]));
  request.peer = peer_;
  handler_(std::move(request),
           [self = shared_from_this()](HttpResponse response) { self->respond(std::move(response)); });
}

void Session::respond(HttpResponse response) {
  if (closed_) return;
  response_ = std::move(response);
  write_head();
}

void Session::write_head() {
  head_ = fmt::format("HTTP/1.1 {} {}\r\nContent-Type: {}\r\nCache-Control: no-store\r\n", response_.status,
                      status_text(response_.status), response_.content_type);
  if (!response_.allow.empty()) head_ += fmt::format("Allow: {}\r\n", response_.allow);
  if (!response_.body)
    head_ += fmt::format("Content-Length: {}\r\n", response_.text.size());
  else if (chunked_)
    head_ += "Transfer-Encoding: chunked\r\n";
  else
    keep_alive_ = false;  // HTTP/1.0: the end of the connection ends the body
  head_ += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  if (head_only_) {
    response_.text.clear();
    response_.body.reset();
  }
  if (response_.body) {
    response_.body->set_wake([weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || !std::exchange(self->waiting_, false)) return;
      asio::post(self->socket_.get_executor(), [self] { self->pump(); });
    });
    if (response_.body->endless()) watch_reader();
  }
  std::array<asio::const_buffer, 2> buffers{asio::buffer(head_), asio::buffer(response_.text)};
  arm_write();
  asio::async_write(socket_, buffers,
                    [self = shared_from_this()](Error error, std::size_t) { self->on_written(error); });
}

void Session::on_written(Error error) {
  if (error || closed_) return close();
  if (!response_.body) return finish();
  pump();
}

// The next piece of a stream. An empty piece gives the loop a turn; waiting takes no time-out.
void Session::pump() {
  if (closed_ || !response_.body) return;
  chunk_.clear();
  switch (response_.body->next(chunk_)) {
    case HttpBody::Next::kEnd:
      return write_chunk(true);
    case HttpBody::Next::kWait: {
      boost::system::error_code ignored;
      timer_.cancel(ignored);
      waiting_ = true;
      return;
    }
    case HttpBody::Next::kData:
      break;
  }
  if (!chunk_.empty()) return write_chunk(false);
  asio::post(socket_.get_executor(), [self = shared_from_this()] { self->pump(); });
}

void Session::write_chunk(bool last) {
  if (last) response_.body.reset();
  std::string_view tail = last ? "0\r\n\r\n" : "\r\n";
  if (!chunked_) {
    if (last) return finish();
    tail = {};
    head_.clear();
  } else {
    head_ = last ? std::string() : fmt::format("{:x}\r\n", chunk_.size());
  }
  std::array<asio::const_buffer, 3> buffers{asio::buffer(head_), asio::buffer(chunk_), asio::buffer(tail)};
  arm_write();
  asio::async_write(socket_, buffers,
                    [self = shared_from_this()](Error error, std::size_t) { self->on_written(error); });
}

void Session::finish() {
  response_ = HttpResponse();
  chunk_ = std::string();
  if (!keep_alive_) return linger();
  read_request();
}

// Closing with unread bytes would make the peer lose the answer: read on for a moment, into nothing.
void Session::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  arm(limits_.linger_ms);
  discard();
}

void Session::discard() {
  socket_.async_read_some(asio::buffer(discarded_), [self = shared_from_this()](Error error, std::size_t) {
    if (error || self->timed_out_) return self->close();
    self->discard();
  });
}

// Who follows a stream sends nothing more: any end of reading means that nobody listens.
void Session::watch_reader() {
  socket_.async_read_some(asio::buffer(discarded_), [self = shared_from_this()](Error error, std::size_t) {
    if (self->closed_ || !self->response_.body) return;
    if (error) return self->close();
    self->watch_reader();
  });
}

}  // namespace

// One class for unix and TCP sockets: family and type are never asked again once a socket is open.
std::shared_ptr<Connection> make_session(asio::io_context& loop, Fd socket, const HttpLimits& limits,
                                         HttpHandler handler, HttpPeer peer) {
  return std::make_shared<Session>(Session::Socket(loop, asio::generic::stream_protocol(AF_UNIX, 0), socket.release()),
                                   limits, std::move(handler), peer);
}

}  // namespace weft
