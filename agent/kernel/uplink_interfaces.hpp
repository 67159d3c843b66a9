// Interfaces of our network namespace whose names match one of some globs, kept up to date by rtnetlink.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "agent/base/fd.hpp"
#include "agent/base/result.hpp"

namespace weft {

class UplinkInterfaces {
 public:
  // Listens, then reads everything.
  static Result<UplinkInterfaces> open(std::vector<std::string> globs);

  int fd() const { return watcher_.get(); }  // readable when the kernel announced something
  // Takes what was announced; whether the interfaces may have changed. An overrun of the socket counts as a change.
  bool on_readable();
  void read_all();

  const std::map<std::uint32_t, std::string>& all() const { return interfaces_; }  // names by index

 private:
  bool matches(const std::string& name) const;
  bool concerns_us(std::span<const std::byte> messages) const;

  std::vector<std::string> globs_;
  Fd watcher_;
  std::map<std::uint32_t, std::string> interfaces_;
};

}  // namespace weft
