// Answers the requests of the API: path and method to a view of the agent, rendered as JSON. Knows nothing of sockets.
#pragma once

#include "agent/api/backend.hpp"
#include "agent/api/http.hpp"

namespace weft {

// /readyz: 200, or 503 with the reason.
HttpResponse readiness_response(const Readiness& readiness);

class Router {
 public:
  explicit Router(Backend& backend) : backend_(backend) {}
  void handle(HttpRequest request, HttpReply reply) const;

 private:
  Backend& backend_;
};

}  // namespace weft
