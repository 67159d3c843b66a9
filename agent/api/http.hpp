// Requests and responses between a connection and whoever answers, without any networking.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft {

// Who is at the other end of a connection.
struct HttpPeer {
  bool may_change = false;  // root or the agent's own user
  std::uint32_t uid = 0;    // by SO_PEERCRED; of unix sockets only, as is the pid
  std::int32_t pid = 0;
};

struct HttpRequest {
  std::string method;
  std::string target;  // path and query as they came
  std::string body;
  bool wants_event_stream = false;  // Accept: text/event-stream
  HttpPeer peer;
};

// A body that is made while it is sent, piece by piece.
class HttpBody {
 public:
  enum class Next : std::uint8_t { kData, kWait, kEnd };
  virtual ~HttpBody() = default;
  // Appends to `chunk`: kData when there was something, kWait when there is nothing yet, kEnd when all was said.
  virtual Next next(std::string& chunk) = 0;
  // For bodies that wait: called, on the loop thread, when next() has something again.
  virtual void set_wake(std::function<void()>) {}
  // A body that waits for the future; its reader may go away unnoticed unless it is watched.
  virtual bool endless() const { return false; }
};

struct HttpResponse {
  unsigned status = 200;
  std::string_view content_type = "application/json";
  std::string text;                // the body, unless there is a stream
  std::unique_ptr<HttpBody> body;  // a stream
  std::string_view allow;          // the header of a 405
};

using HttpReply = std::move_only_function<void(HttpResponse)>;
// Calls the reply once, now or later, on the thread of the connection.
using HttpHandler = std::function<void(HttpRequest, HttpReply)>;

struct HttpTarget {
  std::string path;
  std::vector<std::pair<std::string, std::string>> query;  // decoded
};
// Nothing when an escape is malformed or the path is not absolute.
std::optional<HttpTarget> parse_target(std::string_view target);

std::string_view status_text(unsigned status);  // "Not Found"

// {"apiVersion":"weft/v1","kind":"Error",…}; the code is the exit code that `weft` ends with.
HttpResponse error_response(unsigned status, std::string_view message);

// Bounds of one listener and its connections.
struct HttpLimits {
  std::size_t max_connections = 32;
  std::size_t header_bytes = 8 * 1024;
  std::size_t body_bytes = 1024 * 1024;
  std::uint32_t request_timeout_ms = 5000;      // from the end of the last answer to the end of a request
  std::uint32_t write_timeout_ms = 30000;       // for each piece of an answer
  std::uint32_t follow_timeout_ms = 3'600'000;  // …of a stream that is followed: a paused reader is no dead one
  std::uint32_t linger_ms = 1000;               // to read on after a refusal, so that the peer can read it
};

}  // namespace weft
