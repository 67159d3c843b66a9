// Real BPF maps and programs for tests, below a pin directory of their own. Root only.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <string>

#include "agent/base/address.hpp"
#include "agent/kernel/map.hpp"
#include "weft/abi/service.h"

namespace weft::test {

inline weft_address raw_address(const char* text) {
  weft_address raw{};
  std::memcpy(&raw, IpAddress::parse(text).value().bytes.data(), sizeof raw);
  return raw;
}

inline weft_service_key service_key(const char* address, std::uint16_t port, std::uint8_t protocol = 6) {
  weft_service_key key{};
  key.address = raw_address(address);
  key.port = htons(port);
  key.protocol = protocol;
  return key;
}

inline weft_endpoint endpoint_row(const char* address, std::uint16_t port, std::uint8_t protocol = 6) {
  weft_endpoint row{};
  row.address = raw_address(address);
  row.port = htons(port);
  row.protocol = protocol;
  return row;
}

// A pin directory that is gone when the test is.
class PinDirectory {
 public:
  PinDirectory() : path_("/sys/fs/bpf/weft-test-" + std::to_string(::getpid())) { remove(); }
  ~PinDirectory() { remove(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  void remove() const {
    std::error_code ignored;
    if (std::filesystem::is_symlink(path_, ignored)) std::filesystem::remove(path_, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path path_;
};

}  // namespace weft::test
