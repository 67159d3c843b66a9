// Command-line options of weft-peer: `--name value` and `--flag`, each declared once; anything else is a usage error.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace weft::peer {

class Options {
 public:
  // Ends the program with code 64 and a message when an argument is not among `values` or `flags`.
  Options(int argc, char** argv, std::set<std::string> values, std::set<std::string> flags);

  bool has(const std::string& name) const { return flags_.contains(name) || values_.contains(name); }
  std::string text(const std::string& name, const std::string& fallback = "") const;
  std::uint64_t number(const std::string& name, std::uint64_t fallback) const;
  double real(const std::string& name, double fallback) const;

 private:
  std::map<std::string, std::string> values_;
  std::set<std::string> flags_;
};

[[noreturn]] void usage_error(const std::string& message);

}  // namespace weft::peer
