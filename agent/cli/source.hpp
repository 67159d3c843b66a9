// Where answers come from: the running agent, or a bug report of one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/cli/http.hpp"
#include "agent/cli/invocation.hpp"
#include "agent/cli/outcome.hpp"

namespace weft::cli {

struct FlowQuery {
  std::string filter;
  std::uint32_t last = 0;  // 0: the source's default
  bool follow = false;
};

class Source {
 public:
  virtual ~Source() = default;
  // "services" → the ServiceList; `space` narrows to a namespace when it is not empty.
  virtual Outcome<nlohmann::json> get(const std::string& what, const std::string& space = "") = 0;
  virtual Outcome<std::string> metrics() = 0;
  virtual Outcome<> flows(const FlowQuery& query, const LineHandler& on_line) = 0;
};

// The socket: --socket, WEFT_API__SOCKET, the configuration's, in this order.
std::string find_socket(const Invocation& invocation);

// The bundle of --from, or the agent.
Outcome<std::unique_ptr<Source>> open_source(const Invocation& invocation);

// The agent alone, for what a bundle cannot do.
Outcome<std::unique_ptr<Source>> open_agent(const Invocation& invocation);

// The agent's answer to a question or a change.
Outcome<nlohmann::json> post(const Invocation& invocation, const std::string& target, const nlohmann::json& request,
                             std::chrono::milliseconds usual_limit);

// An answer of the agent that is not 200, as the failure it stands for.
Failure failure_of(const HttpAnswer& answer, const std::string& target);

std::chrono::milliseconds deadline_of(const Invocation& invocation, std::chrono::milliseconds usual);

}  // namespace weft::cli
