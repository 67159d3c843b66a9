// The API on the agent's unix socket. Everything runs on the loop that the caller gives; nothing blocks it: requests
// are bounded in size and time, lists are rendered in slices, and slow readers lose events instead of holding memory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/api/backend.hpp"
#include "agent/api/http.hpp"
#include "agent/base/result.hpp"

namespace boost::asio {
class io_context;
}

namespace weft {

class ApiServer {
 public:
  struct Settings {
    std::string socket = "/run/weft/weft.sock";
    std::string group = "weft";  // may read; empty: the agent's own group
    HttpLimits limits;
  };

  // Replaces the socket of an agent that died; fails with EADDRINUSE, naming the process, when an agent answers there.
  static Result<std::unique_ptr<ApiServer>> start(boost::asio::io_context& loop, Backend& backend, Settings settings);
  ~ApiServer();  // closes every connection and removes the socket

  // What did not work but does not keep the API from serving, such as a group that does not exist.
  const std::vector<std::string>& warnings() const;
  std::size_t connections() const;

 private:
  struct Parts;
  explicit ApiServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weft
