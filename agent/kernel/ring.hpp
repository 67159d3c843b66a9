// Drains the ring of flow records. Programs never wake the reader: it polls.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>

#include "agent/base/result.hpp"

struct ring_buffer;

namespace weft {

class Ring {
 public:
  using Handler = std::move_only_function<void(std::span<const std::byte>)>;

  static Result<Ring> open(int map_fd, Handler on_record);
  Ring(Ring&&) noexcept;
  Ring& operator=(Ring&&) noexcept;
  ~Ring();

  // Hands every waiting record to the handler; returns how many.
  Result<std::size_t> drain();

 private:
  Ring();
  struct Free {
    void operator()(ring_buffer* ring) const;
  };
  std::unique_ptr<Handler> on_record_;
  std::unique_ptr<ring_buffer, Free> ring_;
};

}  // namespace weft
