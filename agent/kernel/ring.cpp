#include "agent/kernel/ring.hpp"

#include <bpf/libbpf.h>

namespace weft {
namespace {

int deliver(void* context, void* data, std::size_t size) {
  (*static_cast<Ring::Handler*>(context))({static_cast<const std::byte*>(data), size});
  return 0;
}

}  // namespace

void Ring::Free::operator()(ring_buffer* ring) const { ::ring_buffer__free(ring); }
Ring::Ring() = default;
Ring::Ring(Ring&&) noexcept = default;
Ring& Ring::operator=(Ring&&) noexcept = default;
Ring::~Ring() = default;

Result<Ring> Ring::open(int map_fd, Handler on_record) {
  Ring ring;
  ring.on_record_ = std::make_unique<Handler>(std::move(on_record));
  ring.ring_.reset(::ring_buffer__new(map_fd, deliver, ring.on_record_.get(), nullptr));
  if (!ring.ring_) return fail_errno(errno, "open the ring of flow records");
  return ring;
}

Result<std::size_t> Ring::drain() {
  int count = ::ring_buffer__consume(ring_.get());
  if (count < 0) return fail_errno(-count, "read the ring of flow records");
  return static_cast<std::size_t>(count);
}

}  // namespace weft
