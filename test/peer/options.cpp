#include "test/peer/options.hpp"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace weft::peer {

void usage_error(const std::string& message) {
  std::fprintf(stderr, "weft-peer: %s\n", message.c_str());
  std::exit(64);
}

Options::Options(int argc, char** argv, std::set<std::string> values, std::set<std::string> flags) {
  for (int i = 0; i < argc; ++i) {
    const std::string argument = argv[i];
    const std::string name = argument.starts_with("--") ? argument.substr(2) : "";
    if (flags.contains(name)) {
      flags_.insert(name);
    } else if (values.contains(name)) {
      if (i + 1 == argc) usage_error("--" + name + " needs a value");
      values_[name] = argv[++i];
    } else {
      usage_error("unknown argument '" + argument + "'");
    }
  }
}

std::string Options::text(const std::string& name, const std::string& fallback) const {
  const auto found = values_.find(name);
  return found == values_.end() ? fallback : found->second;
}

std::uint64_t Options::number(const std::string& name, std::uint64_t fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  std::uint64_t value = 0;
  const char* end = found->second.data() + found->second.size();
  const auto [stopped, error] = std::from_chars(found->second.data(), end, value);
  if (error != std::errc{} || stopped != end) usage_error("--" + name + " wants a number, not '" + found->second + "'");
  return value;
}

double Options::real(const std::string& name, double fallback) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return fallback;
  char* stopped = nullptr;
  const double value = std::strtod(found->second.c_str(), &stopped);
  if (stopped == found->second.c_str() || *stopped != '\0') {
    usage_error("--" + name + " wants a number, not '" + found->second + "'");
  }
  return value;
}

}  // namespace weft::peer
