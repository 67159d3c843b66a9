#include "agent/cli/http.hpp"

#include <sys/un.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <csignal>

namespace weft::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = beast::basic_stream<asio::local::stream_protocol>;
using Parser = http::response_parser<http::string_body>;
using Code = boost::system::error_code;

// 100,000 endpoints of 400 bytes each take 40 MB.
constexpr std::uint64_t kLargestBody = 256ULL << 20;
constexpr std::uint32_t kLargestHeader = 64 * 1024;
constexpr std::size_t kLongestLine = 1 << 20;  // of a stream

Failure not_reachable(const std::string& socket, const Code& code) {
  if (code == beast::error::timeout)
    return {kTimeout, "the agent did not answer in time on " + socket,
            "Wait longer with --timeout 60s, or look at the log of weftd."};
  if (code == boost::system::errc::permission_denied)
    return {kNoPermission, "no permission to use " + socket,
            "Run as root, or join the group that owns the socket (api.group)."};
  std::string hint = "Start the agent (systemctl start weftd), or name its socket with --socket PATH.";
  if (code == boost::system::errc::no_such_file_or_directory)
    return {kNotReachable, "the agent is not reachable: there is no socket " + socket, hint};
  if (code == boost::system::errc::connection_refused)
    return {kNotReachable, "the agent is not reachable: nobody listens on " + socket, hint};
  return {kNotReachable, "the agent is not reachable on " + socket + ": " + code.message(), hint};
}

Failure broken(const std::string& socket, const Code& code) {
  if (code == beast::error::timeout) return not_reachable(socket, code);
  return {kNotReachable, "the connection to the agent on " + socket + " broke: " + code.message(),
          "Look at the log of weftd, then try again."};
}

// One request and its answer; every step runs the loop until it is done or the stream's time is up.
class Exchange {
 public:
  explicit Exchange(const std::string& socket) : socket_(socket), stream_(loop_) {
    parser_.body_limit(kLargestBody);
    parser_.header_limit(kLargestHeader);
  }

  Outcome<> send(const std::string& method, const std::string& target, std::chrono::milliseconds limit,
                 std::string body = "") {
    sockaddr_un address{};
    if (socket_.size() >= sizeof(address.sun_path))
      return failure(kInvalidInput, "the path of the socket is too long: " + socket_,
                     "Use a path of at most 107 bytes.");
    stream_.expires_after(limit);
    Code code = run([&](auto done) { stream_.async_connect(asio::local::stream_protocol::endpoint(socket_), done); });
    if (code) return std::unexpected(not_reachable(socket_, code));
    http::request<http::string_body> request(http::string_to_verb(method), target, 11);
    if (!body.empty()) request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.set(http::field::host, "weft");
    request.set(http::field::accept, "application/json, application/x-ndjson");
    request.prepare_payload();
    code = run([&](auto done) { http::async_write(stream_, request, strip(done)); });
    if (code) return std::unexpected(broken(socket_, code));
    return {};
  }

  Outcome<HttpAnswer> receive() {
    Code code = run([&](auto done) { http::async_read(stream_, buffer_, parser_, strip(done)); });
    if (code) return std::unexpected(broken(socket_, code));
    return answer();
  }

  Outcome<HttpAnswer> receive_lines(std::chrono::milliseconds whole, const LineHandler& on_line) {
    asio::signal_set signals(loop_, SIGINT, SIGTERM);
    signals.async_wait([this](Code code, int) {
      if (!code) interrupted_ = true, stream_.cancel();
    });
    auto result = read_stream(whole, on_line);
    signals.cancel();
    return result;
  }

 private:
  Outcome<HttpAnswer> read_stream(std::chrono::milliseconds whole, const LineHandler& on_line) {
    Code code = run([&](auto done) { http::async_read_header(stream_, buffer_, parser_, strip(done)); });
    if (interrupted_) return answer();
    if (code) return std::unexpected(broken(socket_, code));
    if (parser_.get().result() != http::status::ok) return receive();
    parser_.body_limit(boost::none);
    whole.count() > 0 ? stream_.expires_after(whole) : stream_.expires_never();
    while (!parser_.is_done()) {
      code = run([&](auto done) { http::async_read_some(stream_, buffer_, parser_, strip(done)); });
      bool more = hand_out(on_line);
      if (interrupted_ || !more) return answer();
      // A stream of an HTTP/1.0 or restarted agent ends without a last chunk.
      if (code == http::error::end_of_stream || code == http::error::partial_message) return answer();
      if (code) return std::unexpected(broken(socket_, code));
    }
    return answer();
  }

  // False when the handler wants no more, or the peer sends a line without end.
  bool hand_out(const LineHandler& on_line) {
    auto& body = parser_.get().body();
    std::size_t begin = 0;
    for (auto end = body.find('\n'); end != std::string::npos; end = body.find('\n', begin)) {
      auto line = std::string_view(body).substr(begin, end - begin);
      begin = end + 1;
      if (!line.empty() && !on_line(line)) return false;
    }
    body.erase(0, begin);
    return body.size() <= kLongestLine;
  }

  HttpAnswer answer() { return {static_cast<int>(parser_.get().result_int()), std::move(parser_.get().body())}; }

  static auto strip(auto done) {
    return [done](Code code, std::size_t) mutable { done(code); };
  }

  Code run(auto start) {
    Code result;
    bool finished = false;
    start([&](Code code) { result = code, finished = true; });
    loop_.restart();
    while (!finished && loop_.run_one() > 0) {
    }
    return result;
  }

  const std::string& socket_;
  asio::io_context loop_{1};
  Stream stream_;
  beast::flat_buffer buffer_;
  Parser parser_;
  bool interrupted_ = false;
};

}  // namespace

Outcome<HttpAnswer> http_call(const std::string& socket, const std::string& method, const std::string& target,
                              std::chrono::milliseconds deadline, std::string body) {
  Exchange exchange(socket);
  WEFT_TRY(exchange.send(method, target, deadline, std::move(body)));
  return exchange.receive();
}

Outcome<HttpAnswer> http_stream(const std::string& socket, const std::string& target, std::chrono::milliseconds begin,
                                std::chrono::milliseconds whole, const LineHandler& on_line) {
  Exchange exchange(socket);
  WEFT_TRY(exchange.send("GET", target, begin));
  return exchange.receive_lines(whole, on_line);
}

std::string encode_query(std::string_view text) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (kUnreserved.find(c) != std::string_view::npos)
      encoded += c;
    else
      (encoded += '%') += {kHex[byte >> 4], kHex[byte & 15]};
  }
  return encoded;
}

}  // namespace weft::cli
