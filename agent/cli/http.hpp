// HTTP/1.1 over the agent's unix socket, with a deadline for every step.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>

#include "agent/cli/outcome.hpp"

namespace weft::cli {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

// `deadline` is for the whole exchange; `body` is JSON, or empty for none.
Outcome<HttpAnswer> http_call(const std::string& socket, const std::string& method, const std::string& target,
                              std::chrono::milliseconds deadline, std::string body = "");

// Hands out every complete line as it arrives, until the agent ends the stream, the handler returns false, or SIGINT or
// SIGTERM comes: all three are success. A deadline of zero: none once the stream has begun.
using LineHandler = std::function<bool(std::string_view line)>;
Outcome<HttpAnswer> http_stream(const std::string& socket, const std::string& target, std::chrono::milliseconds begin,
                                std::chrono::milliseconds whole, const LineHandler& on_line);

// Percent-encoded for a query (RFC 3986).
std::string encode_query(std::string_view text);

}  // namespace weft::cli
