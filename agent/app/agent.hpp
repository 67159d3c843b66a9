// One running agent: owns the loop, wires sources, controller, kernel, observer and servers together.
#pragma once

#include <memory>

#include "agent/base/result.hpp"
#include "agent/config/load.hpp"

namespace weft {

class Agent {
 public:
  // Checks and loads everything; the kernel serves the objects when this returns. `request` is read again at each
  // reload.
  static Result<std::unique_ptr<Agent>> start(const ConfigRequest& request, LoadedConfig config);
  ~Agent();

  // Until SIGTERM or SIGINT. What is pinned stays: connections are balanced on without us.
  void run();

 private:
  struct Parts;
  explicit Agent(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace weft
